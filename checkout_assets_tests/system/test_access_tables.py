"""Whoever keeps the analysts' tables: may do all of it by ``tables_role``, and needs all of that.

The tables are compacted, changed, cleaned and queried through Glue, and the plain tables are put
there; every request is evaluated, those to S3 and to Glue.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.domain.access.role_policies import ROLE_POLICIES
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.cataloging.glue_api import glue_api
from checkout_assets.engines.cataloging.plain_tables import PlainTables
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.querying.orders_query import OrdersQuery
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.glue_place import DATABASE
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.local_glue import LocalGlue, Sent
from checkout_assets_tests.published_lake import order_row, publish_rows
from checkout_assets_tests.strict_iam.access_place import RAW_ACCOUNT, AccessPlace, filled_place
from checkout_assets_tests.strict_iam.glue_requests import asks_of_glue
from checkout_assets_tests.strict_iam.host_requests import Host
from checkout_assets_tests.strict_iam.smaller import needless_of_roles
from spark_jobs.contract.order_types import OrderType

KEEPER = f"arn:aws:iam::{RAW_ACCOUNT}:role/tables-keeper"
FOLDERS = {"0A_CheckoutOrder": OrderType.CHECKOUT, "F0_FulfillmentOrder": OrderType.FULFILLMENT}


class TablesPlace:
    """A lake behind AWS's rules, and a Glue that asks the same role's policy."""

    def __init__(self, access: AccessPlace, glue: LocalGlue) -> None:
        self.access, self.glue = access, glue
        terms = replace(access.terms, catalog="glue", plain_database=DATABASE)
        statements = ROLE_POLICIES["tables_role"](terms)
        access.strict.role(KEEPER, statements)
        self.keeper = Host(statements)
        glue.denies = self._denies

    def _denies(self, operation: str, sent: Sent) -> str:
        return self.keeper.denies(asks_of_glue(operation, sent, RAW_ACCOUNT))

    def publish(self, run_id: str, *orders: str) -> None:
        """Publish without a role: structuring has a role and tests of its own."""
        upstream = self.access.inside.client.meta.endpoint_url
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL_S3", upstream)
            store = self.access.lake.open()
            for folder in FOLDERS:
                publish_rows(store, folder, run_id, [order_row(each) for each in orders])

    def compactor(self) -> Compactor:
        catalog = open_catalog("glue", self.access.lake)
        return Compactor(self.access.lake, catalog, InProcessSpark, CompactionChoices())

    def compact(self, run_id: str) -> list[str]:
        compactor = self.compactor()
        return [
            each.error
            for order_type in OrderType
            for each in compactor.run(order_type, None, run_id)
        ]

    def orders(self) -> int:
        compactor = self.compactor()
        query = OrdersQuery([compactor.table(each) for each in OrderType])
        batch = query.read(query.run("SELECT count(*) FROM checkout, fulfillment"))
        assert batch is not None
        return int(batch.column(0)[0].as_py())


@pytest.fixture
def tables(
    aws: EmbeddedS3Server, local_glue: LocalGlue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TablesPlace]:
    with filled_place(aws, tmp_path_factory.mktemp("tables")) as access:
        yield TablesPlace(access, local_glue)


def test_the_keeper_of_the_tables_may_do_it_all_and_needs_all_that_it_may(
    tables: TablesPlace,
) -> None:
    tables.publish("run1", "1", "2")
    with tables.access.acting_as(KEEPER):
        assert tables.compact("compaction1") == ["", ""]
    tables.publish("run2", "1")
    with tables.access.acting_as(KEEPER):
        assert tables.compact("compaction2") == ["", ""]
        assert tables.orders() == 1
        later = datetime.now(UTC) + timedelta(days=30)
        for order_type in OrderType:
            assert tables.compactor().clean(order_type, timedelta(days=7), later) > 0
        plain, now = PlainTables(tables.access.lake, glue_api(DATABASE)), datetime.now(UTC)
        plain.write(plain.changes(now), now)
        next_year = now.replace(year=now.year + 1, day=1)
        plain.write(plain.changes(next_year), next_year)

    strict = tables.access.strict
    assert strict.refused == []
    assert tables.keeper.denied == []
    assert tables.keeper.needless() == []
    of_s3 = needless_of_roles(strict, (KEEPER,), lambda each: "glue:" not in each["Action"][0])
    assert of_s3 == []


def test_without_a_permission_in_glue_the_sentence_names_it(tables: TablesPlace) -> None:
    tables.keeper.statements = [
        {**each, "Action": [action for action in each["Action"] if action != "glue:CreateTable"]}
        for each in tables.keeper.statements
    ]
    with tables.access.acting_as(KEEPER):
        plain, now = PlainTables(tables.access.lake, glue_api(DATABASE)), datetime.now(UTC)
        changes = plain.changes(now)
        with pytest.raises(UsageError, match="glue:CreateTable must be allowed"):
            plain.write(changes, now)
