"""The engine that compares source, raw and lake, folder by folder; it changes nothing."""

from collections.abc import Collection, Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from checkout_assets.domain.anomalies import DEFAULT_ALLOWANCE, FolderAllowance
from checkout_assets.domain.folders import FOLDER_NAMES, Folder
from checkout_assets.domain.reconciliation import (
    CopyEvidence,
    FolderReconciled,
    judge,
    not_compared,
)
from checkout_assets.domain.reporting.listings import KeptListings
from checkout_assets.domain.verification import OutOfOrderError
from checkout_assets.engines.copying.cutoff import KeptCutOff, find_cut_off
from checkout_assets.engines.copying.records import find_record
from checkout_assets.engines.interruptible import begin_all
from checkout_assets.engines.locations import Location, S3Location
from checkout_assets.engines.reconciling.copy_side import compare_copy
from checkout_assets.engines.reconciling.earlier_listings import (
    NO_LISTINGS,
    names_below,
    seen_earlier,
    usable_listings,
)
from checkout_assets.engines.reconciling.lake_side import LakeInventory
from checkout_assets.engines.silence import (
    Asking,
    OnSilence,
    SilenceWatch,
    StoreEar,
    ignore_silence,
)
from spark_jobs.completed import completed
from spark_jobs.contract.record_format import RecordError
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store, Store

_FOLDERS_AT_ONCE = 8
_LONGEST_GRACE_SECONDS = 3.0
"""Seconds that a cancelled comparison waits for its threads after it has hung up."""


@dataclass(frozen=True, slots=True)
class ComparisonTerms:
    """How folders are compared.

    For the folders in ``deep``, the data files are read too, and their bytes and row counts are
    compared with the record. A folder is red if it has more documents in quarantine, or more rows
    with rescued values, than ``allowance`` permits.
    """

    deep: Collection[Folder] = ()
    allowance: FolderAllowance = DEFAULT_ALLOWANCE


USUAL_TERMS = ComparisonTerms()


@dataclass(frozen=True, slots=True)
class _Sides:
    """State that the folders of a run share; ``asking`` tracks whether a request to S3 is open."""

    source: "S3Store | None"
    raw: "S3Store"
    lake: "Store"
    asking: Asking

    def asks_lake(self) -> AbstractContextManager[None]:
        """Return the context for requests to the lake, which may be a directory."""
        return self.asking.asks() if _is_in_s3(self.lake) else nullcontext()

    def hang_up(self) -> None:
        """End all requests now, without waiting for their responses."""
        for store in (self.source, self.raw, self.lake):
            if _is_in_s3(store):
                store.crt().hang_up()


@dataclass(frozen=True, slots=True)
class _Run:
    """What the folders of a run are compared with."""

    sides: _Sides
    inventory: LakeInventory
    cut_off: KeptCutOff | None
    terms: ComparisonTerms
    earlier: KeptListings


class Reconciler:
    """Compares folders by records and listings; a FolderEngine of FolderReconciled.

    Without a source, raw is compared only with its manifests. Source and raw are read with
    ``session``, a boto3 session. Without a session, and always for the lake, the environment's
    principal is used. ``on_silence`` is called if S3 is silent.
    """

    def __init__(  # noqa: PLR0913 - what is compared, and how
        self,
        source: S3Location | None,
        raw: S3Location,
        lake: Location,
        terms: ComparisonTerms = USUAL_TERMS,
        *,
        ended: str = "",
        session: Any = None,
        on_silence: OnSilence = ignore_silence,
    ) -> None:
        self._source = source
        self._raw = raw
        self._lake = lake
        self._terms = terms
        self._session = session
        self._on_silence = on_silence
        self._earlier = NO_LISTINGS
        self._below_source: list[str] | None = None
        self.ended = ended
        """When access to the source ended, and the last proof; empty if it has not ended."""

    @property
    def with_source(self) -> bool:
        """Whether the source is compared too."""
        return self._source is not None

    def without_listing(self, earlier: KeptListings) -> "Reconciler":
        """Return a reconciler that does not list folders again that have an earlier listing.

        A folder is listed nevertheless if it was copied since, or if source or raw no longer has
        it. Its records and its files in the lake are compared in any case.
        """
        other = copy(self)
        other._earlier = earlier
        return other

    def run(
        self,
        folders: Sequence[Folder],
        run_id: str,  # noqa: ARG002
    ) -> Generator[FolderReconciled, None, None]:
        """Yield each folder's result; writes nothing, so a second run compares all again."""
        sides = _Sides(
            source=self._source.open(self._session) if self._source else None,
            raw=self._raw.open(self._session),
            lake=self._lake.open(),
            asking=Asking(),
        )
        ear = StoreEar(sides.source, sides.raw, sides.lake)
        with SilenceWatch(self._on_silence, ear.heard, sides.asking.waits):
            run = self._begin(sides, folders)
            compared = begin_all(
                lambda folder: _compare(run, folder), folders, _FOLDERS_AT_ONCE, "reconcile"
            )
            try:
                yield from completed(compared)
            finally:
                _end(sides, compared)

    def _begin(self, sides: _Sides, folders: Sequence[Folder]) -> _Run:
        with sides.asks_lake():
            inventory = LakeInventory(sides.lake, folders)
        with sides.asking.asks():
            cut_off = find_cut_off(sides.raw)
            if self._earlier.folders and sides.source is not None:
                self._below_source = names_below(sides.source)
            earlier = usable_listings(
                self._earlier, sides.source, sides.raw, cut_off, self._below_source or ()
            )
        return _Run(sides, inventory, cut_off, self._terms, earlier)

    def unexpected(self) -> list[str]:
        """List what else lies directly below the source: a 513th folder, a loose object.

        A run that listed the source's folders listed these names too.
        """
        names = self._below_source
        if names is None:
            names = self._list_source()
        expected = {f"{name}/" for name in FOLDER_NAMES}
        return [name for name in names if name not in expected]

    def _list_source(self) -> list[str]:
        if self._source is None:
            return []
        source = self._source.open(self._session)
        with SilenceWatch(self._on_silence, StoreEar(source).heard):
            return names_below(source)


def _is_in_s3(store: "Store | None") -> TypeGuard["S3Store"]:
    from spark_jobs.stores.s3 import S3Store

    return isinstance(store, S3Store)


def _end(sides: _Sides, compared: "Sequence[Future[FolderReconciled]]") -> None:
    """Cancel what is not done; a silent server is not waited for."""
    begun = [each for each in compared if not each.cancel() and not each.done()]
    if begun:
        sides.hang_up()
        wait(begun, _LONGEST_GRACE_SECONDS)


def _compare(run: _Run, folder: Folder) -> FolderReconciled:
    """Compare a folder; its failure does not affect the other folders."""
    sides = run.sides
    try:
        with sides.asking.asks():
            seen = _copy_of(run, folder)
        with sides.asks_lake():
            lake = run.inventory.compare(folder, folder in run.terms.deep)
        return judge(folder, seen, lake, run.terms.allowance)
    except StoreError as error:
        return not_compared(folder, error.reason)
    except (OutOfOrderError, RecordError) as error:
        return not_compared(folder, str(error))


def _copy_of(run: _Run, folder: Folder) -> CopyEvidence:
    raw = run.sides.raw
    found = find_record(raw, folder.name)
    earlier = seen_earlier(folder, found.record, run.earlier)
    return earlier or compare_copy(run.sides.source, raw, folder, run.cut_off, found)
