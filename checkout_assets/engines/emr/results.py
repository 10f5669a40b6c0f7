"""The results that a run's steps left in the lake: the only evidence for a folder."""

from dataclasses import replace

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.emr.request import attempt_of, attempt_run_id
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import publication_record_key, result_key
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.record_format import LaterFormatError, RecordError
from spark_jobs.contract.results import FolderStructured
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import NotFoundError, Store


def highest_attempts(lake: Store, of_run: str) -> dict[str, int]:
    """Return, by the name of a folder or a month, the highest attempt that left a result."""
    highest: dict[str, int] = {}
    for entry in lake.list(result_key("", of_run).removesuffix("/.json")):
        run_id, _, name = entry.key.partition("/")[2].partition("/")
        attempt = attempt_of(run_id, of_run)
        if attempt is not None:
            unit = name.removesuffix(".json")
            highest[unit] = max(highest.get(unit, 0), attempt)
    return highest


class RunResults:
    """The results of one run, whichever process or cluster worked on it."""

    def __init__(self, lake: Store, run_id: str) -> None:
        self._lake = lake
        self._run_id = run_id

    def attempts(self) -> dict[str, int]:
        """Return, by folder name, the highest attempt that left a result."""
        return highest_attempts(self._lake, self._run_id)

    def of(self, folder: Folder, attempt: int) -> StructuredFolder | None:
        """Return how the folder ended; None if no attempt up to this one left a result.

        It is done if its publication record is this run's. It was done if the attempt's result says
        so and another run has published the folder since.
        """
        told = self._told(folder, attempt)
        record = self._record(folder)
        if record is not None and self._is_ours(record):
            seconds = told.seconds if told is not None else 0.0
            return StructuredFolder.of(replace(FolderStructured.of(record), seconds=seconds))
        if told is None or (told.ok and record is None):
            return None
        return StructuredFolder.of(told)

    def _is_ours(self, record: PublicationRecord) -> bool:
        ours = attempt_of(record.run_id, self._run_id) is not None
        return ours and record.state == PUBLISHED

    def _told(self, folder: Folder, attempt: int) -> FolderStructured | None:
        key = result_key(folder.name, attempt_run_id(self._run_id, attempt))
        try:
            told = FolderStructured.from_json(self._lake.get(key).data)
        except LaterFormatError as error:
            sentence = f"{folder}: {error}. {error.advice('')}"
            return FolderStructured(
                folder.name,
                self._run_id,
                StructureTotals(),
                error=sentence,
                failure=Failure("LaterFormat"),
            )
        except (NotFoundError, RecordError):
            return None
        return told if told.folder == folder.name else None

    def _record(self, folder: Folder) -> PublicationRecord | None:
        try:
            data = self._lake.get(publication_record_key(folder.name)).data
            record = PublicationRecord.from_json(data)
        except (NotFoundError, RecordError):
            return None
        return record if record.folder == folder.name else None
