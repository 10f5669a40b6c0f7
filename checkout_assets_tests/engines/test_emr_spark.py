"""End to end on the local EMR: the packaged job by real spark-submit, the tables exact."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import USUAL_COMPACTION
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.writing import LocalMonthWriter, MonthWriter
from checkout_assets.engines.emr.api import emr_clients
from checkout_assets.engines.emr.engine import EmrEngine
from checkout_assets.engines.emr.job_package import job_package
from checkout_assets.engines.emr.month_writer import EmrMonthWriter
from checkout_assets.engines.emr.options import EmrOptions, MonthsJob, OrdersJob
from checkout_assets.engines.locations import S3Location, parse_s3_location
from checkout_assets.engines.structuring.session import use_java
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.packaging.contents import Role
from checkout_assets.packaging.stored import PackagePlace
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.emr_place import X86, QuickClock, build_job
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.local_emr.commands import local_spark_submit
from checkout_assets_tests.local_emr.local_emr import REGION, LocalEmr
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import Store, open_store

FIRST = 0x0A


def order(number: int, day: str) -> bytes:
    return json.dumps({"Id": f"{number}-01", "LastChange": f"{day}T10:00:00Z"}).encode()


def fill(place: OrdersPlace, folders: Sequence[Folder]) -> None:
    """Three orders on two days and one document that is none, in each folder."""
    for folder in folders:
        start = 10 * folder.index
        for number, day in ((start + 1, 30), (start + 2, 31), (start + 3, 31)):
            place.put(f"{folder.name}/AF/id/{number}-01", order(number, f"2018-10-{day}"))
        place.put(f"{folder.name}/AF/id/broken", b"{")
    place.copy(*(folder.name for folder in folders))


def rows(lake: Store, table: str) -> list[tuple[str, str]]:
    """Every row's id and the day its path tells."""
    found: list[tuple[str, str]] = []
    for entry in lake.list(f"consumable_tables/{table}/"):
        data = pq.read_table(pa.BufferReader(lake.get(entry.key).data), columns=["id"])
        found += [(row["id"], entry.key.split("/")[4]) for row in data.to_pylist()]
    return sorted(found)


def expected(folders: Sequence[Folder]) -> list[tuple[str, str]]:
    days = ((1, "DAY=30"), (2, "DAY=31"), (3, "DAY=31"))
    return sorted((f"{10 * f.index + n}-01", day) for f in folders for n, day in days)


@pytest.fixture
def emr(aws: EmbeddedS3Server) -> Iterator[LocalEmr]:
    environment = {**aws.environment(), "JAVA_HOME": str(use_java()), "SPARK_LOCAL_IP": "127.0.0.1"}
    with LocalEmr(local_spark_submit, environment).running() as local:
        yield local


@pytest.mark.slow
@pytest.mark.parametrize("each", [pytest.param(3, id="6"), pytest.param(16, id="soak_32")])
def test_folders_on_two_clusters_end_in_exact_tables(
    place: OrdersPlace, emr: LocalEmr, tmp_path: Path, each: int
) -> None:
    """One folder was not copied, and one's first step fails blankly."""
    checkout, fulfillment = (
        [Folder(kind, FIRST + number) for number in range(each)] for kind in OrderType
    )
    fill(place, [*checkout, *fulfillment])
    build_job(tmp_path / "dist")
    bucket = f"s3://{place.raw.bucket}"
    lake = open_store(f"{bucket}/lake")
    package = job_package(PackagePlace(f"{bucket}/artifacts", X86, str(tmp_path / "dist")))
    assert job_package(PackagePlace(f"{bucket}/artifacts", X86)) == package
    job = OrdersJob(package, place.raw.uri, lake.uri, "keep", REGION)
    options = EmrOptions(deployment="orders", log_uri=f"{bucket}/logs")

    def run(folders: Sequence[Folder], run_id: str) -> list[StructuredFolder]:
        api = emr_clients(REGION, emr.api.endpoint_url)
        return list(EmrEngine(options, job, api, lake, QuickClock()).run(folders, run_id))

    broken, unlucky = checkout[0].name, fulfillment[0].name
    key = f"{place.raw.prefix}_manifests/{broken}/current.json"
    place.client.delete_object(Bucket=place.raw.bucket, Key=key)
    emr.step_faults = {unlucky: [""]}
    with ThreadPoolExecutor() as pool:
        both = pool.map(run, (checkout, fulfillment), ("run0", "run1"))
        told = {ended.folder.name: ended for results in both for ended in results}
    assert len(told) == 2 * each
    assert len(emr.clusters) == 2
    assert emr.living() == []
    assert [name for name, ended in told.items() if not ended.ok] == [broken]
    assert told[broken].error.startswith(f"{broken} was not copied")
    assert told[broken].attempts == 1
    assert told[unlucky].attempts == 2
    good = [ended.totals for ended in told.values() if ended.ok]
    assert {(totals.rows, totals.quarantined_documents) for totals in good} == {(3, 1)}
    assert rows(lake, "checkout") == expected(checkout[1:])
    assert rows(lake, "fulfillment") == expected(fulfillment)

    place.copy(broken)
    assert [ended.ok for ended in run(checkout[:1], "retry")] == [True]
    assert rows(lake, "checkout") == expected(checkout)
    assert [step.args[-1] for step in emr.clusters[2].steps] == [broken]


@pytest.mark.slow
def test_two_months_are_compacted_by_real_steps_as_this_machine_compacts_them(
    place: OrdersPlace, emr: LocalEmr, tmp_path: Path
) -> None:
    """The first step of one month fails blankly."""
    build_job(tmp_path / "dist")
    bucket = f"s3://{place.raw.bucket}"
    directory = PackagePlace(f"{bucket}/artifacts", X86, str(tmp_path / "dist"))
    package = job_package(directory, Role.COMPACTION_SCRIPT)
    options = EmrOptions(deployment="orders", log_uri=f"{bucket}/logs")
    emr.step_faults = {"checkout-2018-11": [""]}
    lake, here = (parse_s3_location(f"{bucket}/{each}", "lake") for each in ("lake", "here"))
    job = MonthsJob(package, lake.uri, REGION, 1)
    api = emr_clients(REGION, emr.api.endpoint_url)
    writers: list[tuple[S3Location, MonthWriter]] = [
        (lake, EmrMonthWriter(options, lambda: job, api, lake.open(), QuickClock())),
        (here, LocalMonthWriter(here, InProcessSpark, USUAL_COMPACTION)),
    ]
    found = []
    for location, writer in writers:
        for folder in ("00_CheckoutOrder", "01_CheckoutOrder"):
            days = (f"2018-10-{folder[1]}9T10:00:00Z", "2018-11-01T00:00:00Z")
            told = [order_row(f"{folder[:2]}-{day}", day) for day in days]
            publish_rows(location.open(), folder, "run1", told)
        catalog = open_catalog(f"sqlite:///{tmp_path}/{location.prefix[:-1]}.db", location)
        compactor = Compactor(location, catalog, writer)
        ended = list(compactor.run({OrderType.CHECKOUT: None}, "run"))
        assert [each.error for each in ended] == ["", ""]
        states = compactor.status(OrderType.CHECKOUT).values()
        assert {each.state for each in states} == {MonthState.UP_TO_DATE}
        found.append(committed_rows(compactor, location))
    assert len(found[0]) == 4
    assert found[0] == found[1]
    (cluster,) = emr.clusters
    names = ["checkout-2018-10", "checkout-2018-11", "checkout-2018-11"]
    assert [step.args[-1] for step in cluster.steps] == names
    assert emr.living() == []


def committed_rows(compactor: Compactor, lake: S3Location) -> list[str]:
    """The rows of the current snapshot's files, whatever their number."""
    table = compactor.table(OrderType.CHECKOUT).load()
    assert table is not None
    uris = [task.file.file_path for task in table.scan().plan_files()]
    data = [lake.open().get(uri.removeprefix(f"{lake.uri}/")).data for uri in uris]
    read = [pq.read_table(pa.BufferReader(each)) for each in data]
    return sorted(repr(row) for each in read for row in each.to_pylist())
