"""Whoever keeps the analysts' tables: may do all of it by ``tables_role``, and needs all of that.

The tables are compacted, changed, cleaned and queried through Glue, and the plain tables are put
there; every request is evaluated, those to S3 and to Glue.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.domain.access.host_policies import host_role
from checkout_assets.domain.access.role_policies import ROLE_POLICIES, structure_role
from checkout_assets.domain.access.statements import sid
from checkout_assets.domain.compaction.contents import MonthContents
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.cataloging.glue_api import glue_api
from checkout_assets.engines.cataloging.plain_tables import PlainTables
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.writing import LocalMonthWriter, MonthWritten
from checkout_assets.engines.emr.month_work import MonthWork
from checkout_assets.engines.emr.options import EmrOptions, JobPackage, MonthsJob
from checkout_assets.engines.querying.orders_query import OrdersQuery
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.glue_place import DATABASE
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.local_glue import LocalGlue, Sent
from checkout_assets_tests.published_lake import order_row, publish_rows
from checkout_assets_tests.strict_iam.access_place import (
    RAW_ACCOUNT,
    STRUCTURER,
    AccessPlace,
    filled_place,
)
from checkout_assets_tests.strict_iam.glue_requests import asks_of_glue
from checkout_assets_tests.strict_iam.host_requests import Host
from checkout_assets_tests.strict_iam.smaller import needless_of_roles
from spark_jobs.compaction.planned import compact_planned
from spark_jobs.contract.keys import result_key
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import open_store

KEEPER = f"arn:aws:iam::{RAW_ACCOUNT}:role/tables-keeper"
FOLDERS = {"0A_CheckoutOrder": OrderType.CHECKOUT, "F0_FulfillmentOrder": OrderType.FULFILLMENT}


pytestmark = pytest.mark.usefixtures("shared_schemas")


class TablesPlace:
    """A lake behind AWS's rules, and a Glue that asks the same role's policy."""

    def __init__(self, access: AccessPlace, glue: LocalGlue) -> None:
        self.access, self.glue = access, glue
        self.terms = replace(access.terms, catalog="glue", plain_database=DATABASE)
        statements = ROLE_POLICIES["tables_role"](self.terms)
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
        return Compactor(
            self.access.lake,
            catalog,
            LocalMonthWriter(self.access.lake, InProcessSpark, CompactionChoices()),
        )

    def compact(self, run_id: str, compactor: Compactor | None = None) -> list[str]:
        compactor = compactor or self.compactor()
        return [
            each.error
            for order_type in OrderType
            for each in compactor.run({order_type: None}, run_id)
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


class ClusterWriter:
    """What a cluster and its follower do for a month, with their roles, without a cluster."""

    def __init__(self, tables: TablesPlace) -> None:
        self._access = tables.access

    def write(
        self, months: Sequence[MonthContents], run_id: str
    ) -> Generator[MonthWritten, None, None]:
        lake = self._access.lake
        job = MonthsJob(JobPackage("s3://artifacts/compact_months.py"), lake.uri, "us-east-2", 1)
        work = MonthWork(EmrOptions(), job, lake.open(), months, run_id)
        assert not {each.unit.name for each in months} & work.attempts().keys()
        for unit in [each.unit for each in months]:
            work.step(unit, 1)
            with self._access.acting_as(STRUCTURER):
                store = open_store(lake.uri)
                told = compact_planned(InProcessSpark, store, lake.uri, run_id, unit.name)
                store.put(result_key(unit.name, run_id), told.to_json())
            yield work.result(unit, 1) or MonthWritten(unit, error="nothing is proven")


def compact_on_a_cluster(tables: TablesPlace, without: str = "") -> list[str]:
    """Compact with the host's and the nodes' policies, without one of the nodes' statements."""
    nodes = [each for each in structure_role(tables.terms) if each["Sid"] != without]
    of_host = [each for each in host_role(tables.terms) if each["Sid"] == sid("ReadResults")]
    assert of_host
    tables.access.strict.role(STRUCTURER, nodes)
    tables.access.strict.role(KEEPER, [*tables.keeper.statements, *of_host])
    tables.publish("run1", "1", "2")
    with tables.access.acting_as(KEEPER):
        catalog = open_catalog("glue", tables.access.lake)
        compactor = Compactor(tables.access.lake, catalog, ClusterWriter(tables))
        return tables.compact("compaction1", compactor)


def test_nodes_may_write_months_and_need_both_statements_for_it(tables: TablesPlace) -> None:
    assert compact_on_a_cluster(tables) == ["", ""]
    strict = tables.access.strict
    assert strict.refused == []
    names = {sid("ReadPlans"), sid("WriteTables")}
    assert needless_of_roles(strict, (STRUCTURER,), lambda each: each["Sid"] in names) == []


@pytest.mark.parametrize("statement", ["ReadPlans", "WriteTables"])
def test_without_its_statement_a_node_leaves_every_month_uncommitted(
    tables: TablesPlace, statement: str
) -> None:
    told = compact_on_a_cluster(tables, without=sid(statement))
    assert len(told) == 2
    assert all("AccessDenied" in each for each in told), told
    with tables.access.acting_as(KEEPER):
        assert tables.compactor().table(OrderType.CHECKOUT).load() is None
