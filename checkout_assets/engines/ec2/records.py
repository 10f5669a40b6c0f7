"""The results of a run's folders, taken only from raw's completion records, not from workers."""

from collections.abc import Sequence

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.records import find_record_of_run
from checkout_assets.engines.copying.result import FolderCopied, facts_of
from spark_jobs.contract.record_format import LaterFormatError
from spark_jobs.stores import Store


class RunRecords:
    """The completion records of one run, whichever instance worked on it."""

    def __init__(self, raw: Store, run_id: str) -> None:
        self._raw = raw
        self._run_id = run_id

    def of(self, folder: Folder, seconds: float = 0.0) -> FolderCopied | None:
        """Return the folder's result if this run has completed it."""
        try:
            record = find_record_of_run(self._raw, folder.name, self._run_id)
        except LaterFormatError:  # not this run's record; copying the folder reports it
            return None
        if record is None:
            return None
        return FolderCopied(folder, facts_of(record), record=record, seconds=seconds)

    def among(self, folders: Sequence[Folder]) -> list[FolderCopied]:
        """Return the results of those folders that this run has completed."""
        found = (self.of(folder) for folder in folders)
        return [copied for copied in found if copied is not None]
