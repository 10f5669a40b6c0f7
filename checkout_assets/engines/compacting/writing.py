"""Write the data files of months: with the Spark of this machine, or as another engine does it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from checkout_assets.domain.compaction.contents import MonthContents
from checkout_assets.domain.compaction.months import Month, TableMonth
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.locations import Location
from checkout_assets.engines.seam import UnitOutcome
from checkout_assets.engines.structuring.apart import iterated_apart
from checkout_assets.engines.structuring.session import cancel_spark_jobs
from spark_jobs.contract.months import WrittenFile

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spark_jobs.compaction.run import WrittenMonth


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthWritten(UnitOutcome):
    """How writing a month ended: its data files, which no snapshot names yet, or an ``error``."""

    month: TableMonth = field(kw_only=False)
    files: Sequence[WrittenFile] = ()

    @property
    def unit(self) -> TableMonth:
        return self.month


class MonthWriter(Protocol):
    """Writes the data files of months, on any machine."""

    def write(
        self, months: Sequence[MonthContents], run_id: str
    ) -> Generator[MonthWritten, None, None]:
        """Yield each month when it ends, in any order; closing the generator cancels."""


class LocalMonthWriter:
    """Writes with a Spark session that the caller owns.

    ``session`` is called when the first month has to be written; ``cancel_start`` stops a session
    that is starting, when the run is closed.
    """

    def __init__(
        self,
        lake: Location,
        session: "Callable[[], SparkSession]",
        choices: CompactionChoices,
        cancel_start: Callable[[], None] = lambda: None,
    ) -> None:
        self._lake = lake
        self._session = session
        self._choices = choices
        self._cancel_start = cancel_start

    def write(
        self, months: Sequence[MonthContents], run_id: str
    ) -> Generator[MonthWritten, None, None]:
        """Write one table after the other, each in a Spark job per month."""
        for table, own in _by_table(months).items():
            with closing(self._write(table, own, run_id)) as written:
                for each in written:
                    yield _outcome(table, each)

    def _write(
        self, table: str, months: Sequence[MonthContents], run_id: str
    ) -> "Generator[WrittenMonth, None, None]":
        from spark_jobs.compaction.parts import CompactionJob, in_parts
        from spark_jobs.compaction.run import write_months

        job = CompactionJob(self._lake.uri, run_id, table, self._lake.terms)
        target = self._choices.compacted_file_bytes
        parts = [list(in_parts(str(each.month), each.files, target)) for each in months]
        return iterated_apart(
            lambda: write_months(self._session(), job, parts),
            lambda: cancel_spark_jobs(run_id, self._cancel_start),
        )


def _by_table(months: Sequence[MonthContents]) -> Mapping[str, list[MonthContents]]:
    found: dict[str, list[MonthContents]] = {}
    for each in months:
        found.setdefault(each.table, []).append(each)
    return found


def _outcome(table: str, written: "WrittenMonth") -> MonthWritten:
    error = f"{table}, {written.error}" if written.error else ""
    month = TableMonth(table, Month.parse(written.month))
    return MonthWritten(month, files=written.files, error=error, failure=written.failure)
