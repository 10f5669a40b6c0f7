"""What an analysts' table states of a month, and a change of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from checkout_assets.domain.compaction.contents import MonthContents, MonthRecord
from checkout_assets.domain.compaction.months import Month
from spark_jobs.compaction.columns import DERIVED_VERSION
from spark_jobs.contract.keys import month_record_key
from spark_jobs.contract.publication import SCHEMA_VERSION
from spark_jobs.contract.record_format import RecordError, read_record
from spark_jobs.stores import NotFoundError, Store

CONTENTS_VERSION = f"{SCHEMA_VERSION}.{DERIVED_VERSION}"
"""Of how rows are made: a month that was compacted by another version is stale."""


@dataclass(frozen=True, slots=True)
class CommittedMonth:
    """What the table states of a month: the digest of its contents and the run that wrote them.

    Both are empty for a month that was never compacted, or that is empty again.
    """

    digest: str = ""
    run_id: str = ""

    @classmethod
    def parse(cls, text: str) -> "CommittedMonth":
        """Read the table's property; an empty text states nothing."""
        digest, _, run_id = text.partition(" ")
        return cls(digest, run_id)

    def __str__(self) -> str:
        return f"{self.digest} {self.run_id}"

    def record(self, lake: Store, table: str, month: Month) -> MonthRecord | None:
        """Read the month's record; None if there is none, or if it cannot be read.

        It only explains the month. Raises StoreError if the lake cannot be read.
        """
        if not self.digest:
            return None
        try:
            blob = lake.get(month_record_key(table, str(month), self.digest))
            return read_record(MonthRecord, blob.data)
        except (NotFoundError, RecordError):
            return None


@dataclass(frozen=True, slots=True)
class MonthChange:
    """A month's new data files, as keys of the lake; none if the month is to be empty.

    ``before`` is what the table stated when the month's contents were read.
    """

    contents: MonthContents
    paths: tuple[str, ...]
    before: CommittedMonth

    @property
    def month(self) -> Month:
        """The month that is changed."""
        return self.contents.month

    def after(self, run_id: str) -> CommittedMonth:
        """Return what the table states once that run has changed the month."""
        if not self.paths:
            return CommittedMonth()
        return CommittedMonth(self.contents.digest(CONTENTS_VERSION), run_id)

    def is_done(self, stated: Mapping[Month, CommittedMonth], run_id: str) -> bool:
        """Whether the table states that the run has changed the month."""
        return stated.get(self.month, CommittedMonth()) == self.after(run_id)

    def is_current(self, stated: Mapping[Month, CommittedMonth]) -> bool:
        """Whether the table still states what it did before."""
        return stated.get(self.month, CommittedMonth()) == self.before
