"""Check that a lake was made from the raw that is to be structured into it."""

from collections.abc import Sequence

from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.record_format import RecordError
from spark_jobs.job.plan import FolderError
from spark_jobs.job.publishing import Published, refuse_other_raw
from spark_jobs.stores import NotFoundError, Store, StoreError


def refuse_lake_of_other_raw(
    lake: Store, folders: Sequence[Folder], raw_uri: str, replaces: str = ""
) -> None:
    """Raise UsageError if the rows of one of the folders were made from another raw.

    The job refuses such a folder too; this check fails before Spark starts. An unreadable record is
    left to the job. Raises MigrationError if the lake does not answer.
    """
    keys = [publication_record_key(folder.name) for folder in folders]
    for _, read in lake.read_many(keys):
        if isinstance(read, NotFoundError):
            continue
        if isinstance(read, StoreError):
            raise MigrationError(f"Nothing was structured: {read.reason}.")
        try:
            record = PublicationRecord.from_json(read.data)
            refuse_other_raw(Published(record, read.etag), raw_uri, replaces)
        except RecordError:
            continue
        except FolderError as error:
            raise UsageError(str(error)) from None
