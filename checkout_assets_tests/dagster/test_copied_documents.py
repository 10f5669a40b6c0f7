"""A folder without a document is a failed partition, and its check says why."""

from pathlib import Path

from dagster_aws.s3 import S3Resource

from checkout_assets.resources.engines import LocalCopyResource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.dagster.conftest import FIRST_16, Dagster
from checkout_assets_tests.orders_place import OrdersPlace

RAW = "raw_orders"
FULL, MARKED = FIRST_16[:2]


def test_a_folder_that_holds_only_a_marker_is_not_materialized(
    aws: EmbeddedS3Server, dagster: Dagster, tmp_path: Path
) -> None:
    place = OrdersPlace(tmp_path)
    place.put(f"{FULL}/A/id/1")
    place.put(f"{MARKED}/", b"")
    stores = Stores(source_uri=place.source.uri, raw_uri=place.raw.uri, s3=S3Resource())

    result = dagster.run(RAW, {"copy_engine": LocalCopyResource(stores=stores)}, [FULL, MARKED])

    assert not result.success
    assert dagster.materialized("raw_orders") == {FULL}
    checks = dagster.checks("raw_orders", "every_object_copied")
    assert (checks[FULL].passed, checks[MARKED].passed) == (True, False)
    assert "no document" in checks[MARKED].description
