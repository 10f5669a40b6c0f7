"""What a run's steps left in the lake: the only thing that is believed of a folder."""

import re

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.emr.request import attempt_run_id
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from spark_jobs.contract import (
    PUBLISHED,
    FolderStructured,
    PublicationRecord,
    RecordError,
    publication_record_key,
    result_key,
)
from spark_jobs.stores import NotFoundError, Store


class RunResults:
    """The results of one run, whatever process or cluster worked on it."""

    def __init__(self, lake: Store, run_id: str) -> None:
        self._lake = lake
        self._run_id = run_id
        self._ours = re.compile(rf"{re.escape(run_id)}(?:_attempt(\d+))?")

    def attempts(self) -> dict[str, int]:
        """By folder name, the highest attempt that left a result."""
        highest: dict[str, int] = {}
        for entry in self._lake.list(result_key("", self._run_id).removesuffix("/.json")):
            _, run_id, name = entry.key.split("/")
            if match := self._ours.fullmatch(run_id):
                folder = name.removesuffix(".json")
                highest[folder] = max(highest.get(folder, 0), int(match[1] or 1))
        return highest

    def of(self, folder: Folder, attempt: int) -> StructuredFolder | None:
        """How the folder ended; None if neither the attempt nor an earlier one tells.

        It is done if its publication record is this run's. It was done if the attempt says so and
        another run has published it since.
        """
        told = self._told(folder, attempt)
        record = self._record(folder)
        if record is not None and record.state == PUBLISHED and self._ours.fullmatch(record.run_id):
            seconds = told.seconds if told is not None else 0.0
            files = len(record.files)
            return StructuredFolder(folder, record.run_id, record.totals, files, seconds)
        if told is None or (told.ok and record is None):
            return None
        return StructuredFolder.of(told)

    def _told(self, folder: Folder, attempt: int) -> FolderStructured | None:
        key = result_key(folder.name, attempt_run_id(self._run_id, attempt))
        try:
            told = FolderStructured.from_json(self._lake.get(key).data)
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
