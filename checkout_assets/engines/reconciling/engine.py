"""The engine that compares source, raw and lake, folder by folder; it changes nothing."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.anomalies import DEFAULT_ALLOWANCE, QuarantineAllowance
from checkout_assets.domain.folders import FOLDER_NAMES, Folder
from checkout_assets.domain.reconciliation import FolderReconciled, judge, not_compared
from checkout_assets.domain.verification import OutOfOrderError
from checkout_assets.engines.copying.cutoff import KeptCutOff, find_cut_off
from checkout_assets.engines.locations import Location, S3Location
from checkout_assets.engines.reconciling.copy_side import compare_copy
from checkout_assets.engines.reconciling.lake_side import LakeInventory
from spark_jobs.completed import completed
from spark_jobs.contract.record_format import RecordError
from spark_jobs.stores import StoreError
from spark_jobs.stores.listing import list_directory

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_FOLDERS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Sides:
    """What the folders of a run share."""

    source: "S3Store | None"
    raw: "S3Store"
    lake: LakeInventory
    cut_off: KeptCutOff | None
    deep: bool
    allowance: QuarantineAllowance


class Reconciler:
    """Compares folders by records and listings; a FolderEngine of FolderReconciled.

    Without a source, raw is compared with its manifests only. ``deep`` also reads the data files
    and compares their row counts with the record. More documents in quarantine than ``allowance``
    make a folder red. Source and raw are looked at with ``session``, a boto3 session; without one
    by the environment's principal, as the lake always is.
    """

    def __init__(  # noqa: PLR0913 - what is compared, and how
        self,
        source: S3Location | None,
        raw: S3Location,
        lake: Location,
        deep: bool = False,
        ended: str = "",
        *,
        allowance: QuarantineAllowance = DEFAULT_ALLOWANCE,
        session: Any = None,
    ) -> None:
        self._source = source
        self._raw = raw
        self._lake = lake
        self._deep = deep
        self._allowance = allowance
        self._session = session
        self.ended = ended
        """When access to the source ended, and the last proof; empty if it is not over."""

    @property
    def with_source(self) -> bool:
        """Whether the source is compared too."""
        return self._source is not None

    def run(
        self,
        folders: Sequence[Folder],
        run_id: str,  # noqa: ARG002
    ) -> Generator[FolderReconciled, None, None]:
        """See FolderEngine; nothing is left behind, so a second run looks at all again."""
        raw = self._raw.open(self._session)
        sides = _Sides(
            source=self._source.open(self._session) if self._source else None,
            raw=raw,
            lake=LakeInventory(self._lake.open(), folders),
            cut_off=find_cut_off(raw),
            deep=self._deep,
            allowance=self._allowance,
        )
        pool = ThreadPoolExecutor(_FOLDERS_AT_ONCE, thread_name_prefix="reconcile")
        try:
            yield from completed([pool.submit(_compare, sides, folder) for folder in folders])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def unexpected(self) -> list[str]:
        """What else lies directly below the source: a 513th folder, a loose object."""
        if self._source is None:
            return []
        source = self._source.open(self._session)
        expected = {f"{name}/" for name in FOLDER_NAMES}
        return [
            name
            for name in list_directory(
                source.crt(), source.bucket, source.prefix, source.terms.headers()
            )
            if name not in expected
        ]


def _compare(sides: _Sides, folder: Folder) -> FolderReconciled:
    """Compare a folder and keep its failure from its neighbours."""
    try:
        copy = compare_copy(sides.source, sides.raw, folder, sides.cut_off)
        lake = sides.lake.compare(folder, sides.deep)
        return judge(folder, copy, lake, sides.allowance)
    except StoreError as error:
        return not_compared(folder, error.reason)
    except (OutOfOrderError, RecordError) as error:
        return not_compared(folder, str(error))
