"""The engine that structures folders with a Spark session of this process."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.conditions import refuse_ignored_conditions
from checkout_assets.engines.locations import Location, canonical_uri, check_writable
from checkout_assets.engines.seam import FolderOutcome
from checkout_assets.engines.structuring.apart import iterated_apart
from checkout_assets.engines.structuring.choices import USUAL_STRUCTURING, StructureChoices
from checkout_assets.engines.structuring.session import cancel_spark_jobs
from spark_jobs.contract.keys import PROBES_IN_LAKE
from spark_jobs.contract.results import FolderStructured
from spark_jobs.contract.totals import StructureTotals

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession


@dataclass(frozen=True, slots=True)
class StructuredFolder(FolderOutcome):
    """How structuring a folder ended; without an ``error`` its rows are published."""

    run_id: str
    totals: StructureTotals = field(default_factory=StructureTotals)
    files: int = 0

    @classmethod
    def of(cls, told: FolderStructured) -> "StructuredFolder":
        """Build the outcome from what the Spark job reported for a folder."""
        folder = Folder.parse(told.folder)
        return cls(
            folder,
            told.run_id,
            told.totals,
            told.files,
            seconds=told.seconds,
            error=told.error,
            failure=told.failure,
        )


class LocalSparkEngine:
    """Structures folders in one Spark job per run, on a session that the caller owns.

    ``session`` is called when the first folder needs Spark, so that no Java starts for folders that
    are refused. ``cancel_start`` stops a session that is starting, when the run is closed.
    """

    def __init__(
        self,
        raw: Location,
        lake: Location,
        session: "Callable[[], SparkSession]",
        choices: StructureChoices = USUAL_STRUCTURING,
        *,
        cancel_start: Callable[[], None] = lambda: None,
    ) -> None:
        """Raise UsageError if ``choices.replaces_raw`` is not a valid URI."""
        self._raw = raw
        self._lake = lake
        self._session = session
        self._choices = choices
        self._replaces_raw = canonical_uri(choices.replaces_raw, "replaced raw")
        self._cancel_start = cancel_start

    def check(self, folders: Sequence[Folder] = ()) -> None:
        """Raise UsageError if nothing can be published to the lake, or not these folders of raw.

        Sends its requests before Spark starts. Raises MigrationError if the lake does not answer.
        """
        from checkout_assets.engines.structuring.origin import refuse_lake_of_other_raw

        check_writable(self._lake, "lake")
        store = self._lake.open()
        refuse_lake_of_other_raw(store, folders, self._raw.uri, self._replaces_raw)
        refuse_ignored_conditions(store, "lake", PROBES_IN_LAKE)

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[StructuredFolder]:
        """Yield each folder's outcome; what this run id has published is yielded without work."""
        from spark_jobs.job.run import structure_folders
        from spark_jobs.job.staging import StructureJob

        job = StructureJob(
            self._raw.uri,
            self._lake.uri,
            run_id,
            tuple(folder.name for folder in folders),
            self._choices.vanished,
            replaces_raw=self._replaces_raw,
            largest_body=self._choices.largest_body_bytes,
            raw_terms=self._raw.terms,
            lake_terms=self._lake.terms,
        )
        spark = _WhenNeeded(self._session)
        with closing(
            iterated_apart(
                lambda: structure_folders(spark, job),
                lambda: cancel_spark_jobs(run_id, self._cancel_start),
            )
        ) as results:
            for told in results:
                yield StructuredFolder.of(told)


class _WhenNeeded:
    """A session that starts only when its context is first used."""

    def __init__(self, session: "Callable[[], SparkSession]") -> None:
        self._session = session

    @property
    def sparkContext(self) -> "SparkContext":  # noqa: N802 - as Spark spells it
        """The session's context."""
        return self._session().sparkContext
