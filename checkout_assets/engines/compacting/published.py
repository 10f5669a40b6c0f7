"""What the publication records name, by table and month."""

from collections.abc import Iterator, Mapping

from checkout_assets.domain.compaction.contents import MonthContents, contents_by_month
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import ALL_FOLDERS
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.record_format import RecordError
from spark_jobs.stores import Blob, NotFoundError, Store

_BEING_PUBLISHED = Failure("BeingPublished", transient=True)
_UNREADABLE = Failure("UnreadableRecord")


def published_months(lake: Store, order_type: OrderType) -> Mapping[Month, MonthContents]:
    """Return the months in which the order type's published folders have rows.

    Raises MigrationError if a record is unreadable or a folder is being published at the moment,
    StoreError if the lake cannot be read.
    """
    return contents_by_month(order_type.table, _records(lake, order_type))


def _records(lake: Store, order_type: OrderType) -> Iterator[PublicationRecord]:
    folders = [folder.name for folder in ALL_FOLDERS if folder.order_type is order_type]
    reads = lake.read_many(map(publication_record_key, folders))
    for folder, (_, read) in zip(folders, reads, strict=True):
        if isinstance(read, NotFoundError):
            continue
        if not isinstance(read, Blob):
            raise read
        yield _settled(folder, read.data)


def _settled(folder: str, data: bytes) -> PublicationRecord:
    """The record of a folder that is not being published at the moment."""
    try:
        record = PublicationRecord.from_json(data)
    except RecordError as error:
        advice = error.advice("See docs/runbook.md#unreadable-record.")
        raise MigrationError(f"{folder}: {error}. {advice}", _UNREADABLE) from None
    if record.folder != folder:
        raise MigrationError(
            f"{folder}: the publication record is another folder's. See "
            "docs/runbook.md#unreadable-record.",
            _UNREADABLE,
        )
    if record.state != PUBLISHED:
        raise MigrationError(
            f"{folder} is being published, or its publication was interrupted. Wait for the run, "
            "or structure the folder again; then run this again.",
            _BEING_PUBLISHED,
        )
    return record
