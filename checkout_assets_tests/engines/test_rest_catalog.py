"""The analysts' tables in a REST catalog: compacted, read back, and exact when answers are lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.month_changes import MonthChange
from checkout_assets.engines.compacting.writing import LocalMonthWriter
from checkout_assets.engines.locations import LocalLocation
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.engines.test_catalogs import compacted_and_queried
from checkout_assets_tests.glue_place import new_lake
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.published_lake import order_row, publish_rows
from checkout_assets_tests.rest_catalog import RestCatalogServer
from spark_jobs.contract.order_types import OrderType

CHECKOUT = OrderType.CHECKOUT


@pytest.fixture
def rest(aws: EmbeddedS3Server, tmp_path: Path) -> Iterator[RestCatalogServer]:
    variables = aws.environment()
    files = {
        "s3.endpoint": aws.endpoint_url,
        "s3.region": variables["AWS_REGION"],
        "s3.access-key-id": variables["AWS_ACCESS_KEY_ID"],
        "s3.secret-access-key": variables["AWS_SECRET_ACCESS_KEY"],
    }
    with RestCatalogServer(tmp_path / "rest.db", files).serving() as server:
        yield server


@pytest.fixture
def compactor(rest: RestCatalogServer, tmp_path: Path) -> Compactor:
    """Of a lake on disk with one row."""
    lake = LocalLocation(tmp_path / "lake")
    publish_rows(lake.open(), "0A_CheckoutOrder", "run1", [order_row("1")])
    return Compactor(
        lake,
        open_catalog(rest.uri, lake),
        LocalMonthWriter(lake, InProcessSpark, CompactionChoices()),
    )


def test_a_lake_in_s3_with_a_rest_catalog(aws: EmbeddedS3Server, rest: RestCatalogServer) -> None:
    assert compacted_and_queried(new_lake(aws), rest.uri) == 1
    assert rest.asked.count("POST /v1/namespaces/orders/tables") == 1
    assert "POST /v1/namespaces/orders/tables/checkout" in rest.asked


def test_a_commit_whose_answer_is_lost_counts_once(
    rest: RestCatalogServer, compactor: Compactor
) -> None:
    rest.lose_answer = True
    assert [each.error for each in compactor.run({CHECKOUT: None}, "run1")] == [""]
    assert not rest.lose_answer
    table = compactor.table(CHECKOUT).load()
    assert table is not None
    assert (len(table.snapshots()), table.scan().count()) == (1, 1)


def test_a_month_that_another_run_replaced_is_refused(compactor: Compactor) -> None:
    ((month, status),) = compactor.status(CHECKOUT).items()
    assert [each.error for each in compactor.run({CHECKOUT: None}, "run1")] == [""]
    late = MonthChange(status.contents, (), status.committed)
    refused = compactor.table(CHECKOUT).replace([late], "run2")
    assert "another run replaced this month meanwhile" in str(refused[month])
