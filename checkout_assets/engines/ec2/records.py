"""What a run's folders came to: raw's completion records are believed, a worker's word is not."""

from collections.abc import Sequence

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.records import find_record_of_run
from checkout_assets.engines.copying.result import FolderCopied, facts_of
from spark_jobs.contract.record_format import LaterFormatError
from spark_jobs.stores import Store


class RunRecords:
    """The completion records of one run, whatever instance worked on it."""

    def __init__(self, raw: Store, run_id: str) -> None:
        self._raw = raw
        self._run_id = run_id

    def of(self, folder: Folder, seconds: float = 0.0) -> FolderCopied | None:
        """The folder's result if this run has completed it."""
        try:
            record = find_record_of_run(self._raw, folder.name, self._run_id)
        except LaterFormatError:  # not this run's; whoever copies the folder says so
            return None
        if record is None:
            return None
        return FolderCopied(folder, facts_of(record), record=record, seconds=seconds)

    def among(self, folders: Sequence[Folder]) -> list[FolderCopied]:
        """The results of those that this run has completed."""
        found = (self.of(folder) for folder in folders)
        return [copied for copied in found if copied is not None]
