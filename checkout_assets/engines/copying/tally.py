"""The counts of one folder's copy, updated as the rows of its manifest are written."""

from collections import Counter
from datetime import datetime

from checkout_assets.domain.copying import CopyFacts, RunningDigest
from checkout_assets.domain.verification import Verdict
from checkout_assets.engines.copying.manifest import ManifestRow
from checkout_assets.engines.copying.result import ObjectFailure
from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.words import Status

MOST_FAILURES_KEPT = 20


class Tally:
    """Counts row by row; ``reasons`` and ``failures`` describe objects that could not be copied."""

    def __init__(self) -> None:
        self.newer = self.uncompared = 0
        self.reasons: Counter[str] = Counter()
        self.failures: list[ObjectFailure] = []
        self._causes: Counter[Failure] = Counter()
        self._statuses: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._listed = self._escaped = self._near_misses = self._lost = 0
        self._bytes = self._copied_bytes = 0
        self._digest = RunningDigest()

    def add(self, row: ManifestRow, near_miss: bool = False) -> None:
        """Count a row by its status."""
        self._statuses[row.status] += 1
        if row.status == Status.VANISHED:
            self._lost += bool(row.error)
            return
        self._listed += 1
        self._escaped += row.raw_key != row.source_key
        self._near_misses += near_miss
        if row.status == Status.FAILED:
            self.reasons[row.error] += 1
            if len(self.failures) < MOST_FAILURES_KEPT:
                self.failures.append(ObjectFailure(row.source_key, row.error))
            return
        self._kinds[row.kind] += 1
        self._bytes += row.size
        self._copied_bytes += row.size if row.status == Status.COPIED else 0
        self._digest.add(row.raw_key, row.raw_etag, row.size)

    def add_cause(self, failure: Failure) -> None:
        """Add the cause of a failed row."""
        self._causes[failure] += 1

    @property
    def failure(self) -> Failure:
        """Return the failure of the folder: the most frequent code of its failed rows."""
        ((commonest, _),) = self._causes.most_common(1)
        return Failure.of(commonest.code, self._causes)

    @property
    def digest(self) -> str:
        """Return the digest over all objects that are in raw."""
        return self._digest.hexdigest()

    def facts(self, verdicts: Counter[Verdict] | None = None) -> CopyFacts:
        """Return all counts, with the result of re-listing raw if that was done."""
        found = verdicts or Counter()
        return CopyFacts(
            listed=self._listed,
            by_status={str(status): n for status, n in self._statuses.items()},
            by_kind={str(kind): n for kind, n in self._kinds.items()},
            escaped=self._escaped,
            near_misses=self._near_misses,
            newer=self.newer,
            missing_on_source=found[Verdict.MISSING_ON_SOURCE],
            unverified=found[Verdict.DIFFER] + found[Verdict.MISSING_ON_RAW],
            lost=self._lost,
            uncompared=self.uncompared,
            total_bytes=self._bytes,
            copied_bytes=self._copied_bytes,
        )

    def record(  # noqa: PLR0913, PLR0917 - a record's own fields
        self,
        folder: str,
        copy_id: str,
        as_of: datetime,
        listed_at: datetime,
        parts: list[ManifestPart],
        facts: CopyFacts,
    ) -> CompletionRecord:
        """Build the completion record of this copy."""
        return CompletionRecord(
            folder=folder,
            copy_id=copy_id,
            as_of=as_of.isoformat(),
            listed_at=listed_at.isoformat(),
            parts=parts,
            by_kind=facts.by_kind,
            by_status=facts.by_status,
            total_bytes=facts.total_bytes,
            digest=self.digest,
            listed=facts.listed,
            escaped=facts.escaped,
            near_misses=facts.near_misses,
            newer=facts.newer,
            missing_on_source=facts.missing_on_source,
            lost=facts.lost,
            uncompared=facts.uncompared,
        )
