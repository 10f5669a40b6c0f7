"""The completion record of a folder in raw."""

from dataclasses import dataclass

from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import completion_record_key
from spark_jobs.contract.record_format import LaterFormatError, RecordError
from spark_jobs.stores import NotFoundError, Store


@dataclass(frozen=True, slots=True)
class RecordFound:
    """A folder's completion record, and the tag that a conditional write must match; if any.

    ``problem`` says why an existing record cannot be used.
    """

    record: CompletionRecord | None = None
    etag: str | None = None
    problem: str = ""

    def of_run(self, run_id: str) -> CompletionRecord | None:
        """Return the record if it proves documents and was written by that run."""
        record = self.record
        if record is None or not record.documents or record.run_id != run_id:
            return None
        return record


def find_record(raw: Store, folder: str) -> RecordFound:
    """Return the folder's current completion record.

    Raises LaterFormatError if a later version wrote it: this version must not replace it.
    """
    try:
        blob = raw.get(completion_record_key(folder))
    except NotFoundError:
        return RecordFound()
    try:
        record = CompletionRecord.from_json(blob.data)
    except LaterFormatError:
        raise
    except RecordError as error:
        return RecordFound(None, blob.etag, str(error))
    if record.folder != folder:
        return RecordFound(None, blob.etag, "the completion record is another folder's")
    return RecordFound(record, blob.etag)


def find_record_of_run(raw: Store, folder: str, run_id: str) -> CompletionRecord | None:
    """Return the folder's completion record if it proves documents and was written by that run.

    Raises LaterFormatError as ``find_record`` does.
    """
    return find_record(raw, folder).of_run(run_id)
