"""The catalog that the setting names, for lakes in S3 and on disk."""

from pathlib import Path

import boto3
import pytest

from checkout_assets.domain.compaction.comparing import DeepRead
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import FolderReconciled, LakeEvidence
from checkout_assets.engines.compacting import deep_reading
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import USUAL_COMPACTION
from checkout_assets.engines.compacting.comparing import compare_tables
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.writing import LocalMonthWriter
from checkout_assets.engines.locations import LocalLocation, S3Location
from checkout_assets.engines.querying.orders_query import OrdersQuery
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.glue_place import new_lake
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.local_glue import LocalGlue, OtherWriter
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.stores import StoreTerms

CHECKOUT = OrderType.CHECKOUT
FOLDER = "0A_CheckoutOrder"


@pytest.fixture
def s3_lake(aws: EmbeddedS3Server) -> S3Location:
    return new_lake(aws)


def compacted_and_queried(lake: S3Location | LocalLocation, choice: str) -> int:
    """Compact two rows, then one of them alone, by catalogs opened anew; the rows that SQL sees."""
    store = lake.open()
    for run_id, rows in (("run1", [order_row("1"), order_row("2")]), ("run2", [order_row("2")])):
        publish_rows(store, FOLDER, run_id, rows)
        catalog = open_catalog(choice, lake)
        compactor = Compactor(
            lake, catalog, LocalMonthWriter(lake, InProcessSpark, USUAL_COMPACTION)
        )
        assert [each.error for each in compactor.run({CHECKOUT: None}, run_id)] == [""]
    query = OrdersQuery(
        [
            Compactor(
                lake, catalog, LocalMonthWriter(lake, InProcessSpark, USUAL_COMPACTION)
            ).table(CHECKOUT)
        ]
    )
    batch = query.read(query.run("SELECT count(*) FROM checkout_latest WHERE items IS NOT NULL"))
    assert batch is not None
    return int(batch.column(0)[0].as_py())


def test_a_lake_in_s3_with_a_catalog_on_disk(s3_lake: S3Location, tmp_path: Path) -> None:
    assert compacted_and_queried(s3_lake, f"sqlite:///{tmp_path}/catalog.db") == 1
    keys = [entry.key for entry in s3_lake.open().list("orders/checkout/")]
    assert any(key.endswith(".metadata.json") for key in keys)


def test_data_files_in_s3_are_read_in_pieces_and_compared(
    s3_lake: S3Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deep_reading, "_PIECE_BYTES", 10_000)
    catalog = f"sqlite:///{tmp_path}/catalog.db"
    compacted_and_queried(s3_lake, catalog)
    store = s3_lake.open()
    record = PublicationRecord.from_json(store.get(publication_record_key(FOLDER)).data)
    folders = [FolderReconciled(Folder.parse(FOLDER), lake=LakeEvidence(record))]

    def read() -> DeepRead | None:
        (month,) = compare_tables(s3_lake, catalog, folders, lambda _: True)[0].months
        return month.deep

    assert read() == DeepRead(read=1)
    (key,) = [each.key for each in store.list("orders/checkout/data/") if "run2" in each.key]
    data = bytearray(store.get(key).data)
    data[-1] ^= 1
    store.put(key, bytes(data))
    assert read() == DeepRead(read=1, changed=1)


def test_a_lake_in_s3_with_glue(s3_lake: S3Location, local_glue: LocalGlue) -> None:
    assert compacted_and_queried(s3_lake, "glue") == 1
    client = boto3.client("glue", region_name="us-east-2")
    table = OtherWriter(client).table("orders", "checkout")
    assert local_glue.sent("UpdateTable")
    assert table["Parameters"]["table_type"] == "ICEBERG"
    columns = {each["Name"]: each for each in table["StorageDescriptor"]["Columns"]}
    assert columns["order_date"]["Type"] == "date"
    assert "cents" in columns["value"]["Comment"]


def test_a_lake_in_s3_needs_a_catalog(s3_lake: S3Location) -> None:
    with pytest.raises(UsageError, match="Set CHECKOUT_CATALOG for a lake in S3"):
        open_catalog("", s3_lake)


@pytest.mark.parametrize(
    "choice", ["hive", "sqlite://", "sqlite:///", "postgresql://h/d", "ftp://x"]
)
def test_what_names_no_catalog_is_refused(choice: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no catalog"):
        open_catalog(choice, LocalLocation(tmp_path))


def test_a_file_that_is_no_catalog_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, and long enough to be told from one" * 10)
    with pytest.raises(UsageError, match="cannot be opened"):
        open_catalog(f"sqlite:///{tmp_path}/text", LocalLocation(tmp_path))


def test_a_rest_catalog_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="CHECKOUT_CATALOG"):
        open_catalog("http://127.0.0.1:9/", LocalLocation(tmp_path))


def test_encryption_that_pyiceberg_cannot_ask_for_is_refused(
    s3_lake: S3Location, tmp_path: Path
) -> None:
    encrypted = s3_lake.on(StoreTerms(encryption="aws:kms"))
    with pytest.raises(UsageError, match="CHECKOUT_LAKE_ENCRYPTION"):
        open_catalog(f"sqlite:///{tmp_path}/catalog.db", encrypted)
