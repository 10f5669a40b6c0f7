"""Compaction on EMR: a step per month, each month exact, and committed only when proven."""

import hashlib
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from checkout_assets.domain.compaction.contents import MonthContents, MonthRecord, MonthState
from checkout_assets.domain.compaction.months import Month, TableMonth
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import USUAL_COMPACTION
from checkout_assets.engines.compacting.committing import MonthCompacted
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.month_changes import CONTENTS_VERSION
from checkout_assets.engines.compacting.writing import LocalMonthWriter, MonthWriter
from checkout_assets.engines.emr.backend import EmrBackend
from checkout_assets.engines.emr.month_work import MonthWork
from checkout_assets.engines.emr.month_writer import EmrMonthWriter
from checkout_assets.engines.emr.options import MonthsJob
from checkout_assets.engines.emr.request import (
    LONGEST_STEP,
    attempt_run_id,
    launch_request,
    step_request,
)
from checkout_assets.engines.locations import LocalLocation
from checkout_assets_tests.emr_place import JOB, EmrPlace
from checkout_assets_tests.forked_python import ForkedPython
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.local_emr.local_emr import REGION, ClusterFault, LocalEmr
from checkout_assets_tests.local_emr.month_step import KILLED, month_step
from checkout_assets_tests.local_quotas import ON_DEMAND_CODE
from checkout_assets_tests.published_lake import comparable, order_row, plain_rows, publish_rows
from spark_jobs.contract.keys import month_plan_key, month_record_key, result_key
from spark_jobs.contract.months import MonthResult
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.record_format import read_record

OCTOBER, NOVEMBER = Month(2018, 10), Month(2018, 11)
FIRST, SECOND, OTHER = "00_CheckoutOrder", "01_CheckoutOrder", "00_FulfillmentOrder"
UNITS = ["checkout-2018-10", "checkout-2018-11", "fulfillment-2018-10"]
WRITTEN = TableMonth("checkout", OCTOBER)


pytestmark = pytest.mark.usefixtures("shared_schemas")


class MonthsPlace:
    """A lake with two months of one table and one of the other, and its compaction on EMR."""

    def __init__(self, emr: LocalEmr, directory: Path, python: Sequence[str]) -> None:
        self.emr = emr
        self.python = python
        self.directory = directory
        self.location = LocalLocation(directory / "lake")
        self.emr_place = EmrPlace(emr, directory)
        self.lake = self.emr_place.lake
        self.job = MonthsJob(JOB, self.location.uri, REGION, USUAL_COMPACTION.compacted_file_bytes)
        self.publish("run1", FIRST, order_row("1"), order_row("2", "2018-11-01T00:00"))
        self.publish("run1", SECOND, order_row("4"), order_row("3"))
        self.publish("run1", OTHER, order_row("9"))
        emr.command = self.step

    def step(self, arguments: Sequence[str], _: Path) -> Sequence[str]:
        return month_step(arguments, python=self.python)

    def publish(self, run_id: str, folder: str, *rows: dict[str, Any]) -> None:
        publish_rows(self.lake, folder, run_id, rows)

    def writer(self, **options: Any) -> EmrMonthWriter:
        chosen = self.emr_place.options.model_copy(update=options)
        api, clock = self.emr_place.api(), self.emr_place.clock
        tell = self.emr_place.told.append
        return EmrMonthWriter(chosen, lambda: self.job, api, self.lake, clock, tell=tell)

    def compactor(self, writer: MonthWriter | None = None) -> Compactor:
        catalog = open_catalog("", self.location)
        return Compactor(self.location, catalog, writer or self.writer())

    def run(self, run_id: str = "run", **options: Any) -> dict[str, MonthCompacted]:
        asked = dict.fromkeys(OrderType)
        ended = self.compactor(self.writer(**options)).run(asked, run_id)
        return {each.contents.unit.name: each for each in ended}

    def contents(self) -> list[MonthContents]:
        """What each month is to be made from."""
        compactor = self.compactor()
        return [
            status.contents
            for order_type in OrderType
            for status in compactor.status(order_type).values()
        ]

    def states(self) -> dict[str, MonthState]:
        compactor = self.compactor()
        return {
            status.contents.unit.name: status.state
            for order_type in OrderType
            for status in compactor.status(order_type).values()
        }

    def steps(self) -> list[list[str]]:
        """By cluster, the months of its steps."""
        return [[step.args[-1] for step in each.steps] for each in self.emr.clusters]

    def assert_exact(self) -> None:
        assert set(self.states().values()) == {MonthState.UP_TO_DATE}
        for order_type in OrderType:
            held = comparable(rows_of(self.compactor(), order_type), order_type.table)
            assert held == comparable(plain_rows(self.lake, order_type.table), order_type.table)


def rows_of(compactor: Compactor, order_type: OrderType) -> list[dict[str, Any]]:
    """The rows of the current snapshot, in the order of its files' names."""
    table = compactor.table(order_type).load()
    assert table is not None
    uris = sorted(task.file.file_path for task in table.scan().plan_files())
    return [row for uri in uris for row in pq.read_table(uri.removeprefix("file://")).to_pylist()]


def assert_record_has_digests(place: MonthsPlace, contents: MonthContents) -> None:
    """The month's record names the digest of each data file that was written."""
    digest = contents.digest(CONTENTS_VERSION)
    key = month_record_key(contents.table, str(contents.month), digest)
    record = read_record(MonthRecord, place.lake.get(key).data)
    entries = place.lake.list(f"orders/{contents.table}/data/{contents.month}/")
    files = {
        each.key: hashlib.sha256(place.lake.get(each.key).data).hexdigest() for each in entries
    }
    assert {each.path: each.sha256 for each in record.files} == files


@pytest.fixture
def place(emr: LocalEmr, tmp_path: Path, forked_python: ForkedPython) -> MonthsPlace:
    return MonthsPlace(emr, tmp_path, forked_python.command)


def test_a_step_per_month_leaves_what_this_machine_would(place: MonthsPlace) -> None:
    here = LocalLocation(place.directory / "here")
    shutil.copytree(place.location.path, here.path)
    local = Compactor(
        here, open_catalog("", here), LocalMonthWriter(here, InProcessSpark, USUAL_COMPACTION)
    )
    assert all(each.ok for each in local.run(dict.fromkeys(OrderType), "run"))
    place.python = [sys.executable]  # once as a cluster starts it

    ended = place.run()

    assert sorted(ended) == UNITS
    assert {(each.error, each.files) for each in ended.values()} == {("", 1)}
    for order_type in OrderType:
        assert rows_of(place.compactor(), order_type) == rows_of(local, order_type)
    place.assert_exact()
    for contents in place.contents():
        assert_record_has_digests(place, contents)
    assert place.steps() == [UNITS], "one cluster for both tables"
    assert place.emr.living() == []


def test_the_host_s_policies_allow_what_compaction_asks_emr_for_and_no_more(
    place: MonthsPlace,
) -> None:
    """A cancelled run ends its cluster, or only its own steps on a cluster of another run."""
    place.emr.command = slow_but(place, UNITS[0])
    host, api = place.emr_place.host, place.emr_place.api()
    other = api.launch(launch_request(place.emr_place.options, "other", []))
    for run_id, cluster in (("run", ""), ("on another", other)):
        writer = place.writer(cluster_id=cluster)
        with closing(writer.write(place.contents(), run_id)) as months:
            next(months)
    assert host.denied == []
    assert host.needless() == []


def test_a_month_that_is_up_to_date_launches_nothing(place: MonthsPlace) -> None:
    place.run()
    again = place.run("run2")
    assert {each.files for each in again.values()} == {0}
    assert len(place.emr.clusters) == 1


def test_months_beyond_those_of_a_cluster_have_another_one(place: MonthsPlace) -> None:
    assert all(each.ok for each in place.run(months_per_cluster=2).values())
    assert place.steps() == [UNITS[:2], UNITS[2:]]


def length_of_step(place: MonthsPlace, unit: str, run_id: str = "run") -> int:
    """EMR's count of a step's arguments, with one option whose value is empty."""
    options = place.emr_place.options.model_copy(update={"spark_config": {"spark.x": ""}})
    step = step_request(options, place.job, unit, run_id, 1)
    arguments = step["HadoopJarStep"]["Args"]
    return sum(map(len, arguments)) + len(arguments)


@pytest.mark.parametrize(
    ("unit", "run_id"), [(UNITS[0], "run"), (UNITS[2], "0" * 36)], ids=["some months", "retries"]
)
def test_a_step_that_could_be_too_long_is_refused_before_anything_is_launched(
    place: MonthsPlace, unit: str, run_id: str
) -> None:
    """One too many for months with a longer name, or for a second attempt."""
    filled = {"spark.x": "x" * (LONGEST_STEP - length_of_step(place, unit, run_id))}
    with pytest.raises(UsageError, match="A step's arguments exceed 10240 characters"):
        place.run(run_id, spark_config=filled, months_per_cluster=2)
    assert place.emr.api.calls == {}
    assert list(place.lake.list("orders/checkout/plans/")) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"core_type": "x9.large"}, "x9.large is not in the sizing table"),
        ({"step_concurrency": 9}, "9 Spark jobs at a time do not fit 2 x c5.4xlarge"),
    ],
)
def test_a_size_that_is_not_known_is_refused_before_anything_is_launched(
    place: MonthsPlace, wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        place.run(**wrong)
    assert place.emr.api.calls == {}


def test_quotas_below_all_clusters_of_the_months_are_told_as_such(place: MonthsPlace) -> None:
    place.emr.api.quotas.values[ON_DEMAND_CODE] = 79
    told = EmrBackend(
        place.emr_place.options,
        MonthWork(place.emr_place.options, place.job, place.lake, place.contents(), "run"),
        place.emr_place.api(),
        "run",
    ).refusal(2, place.emr_place.told.append)
    assert told is None
    (sentence,) = place.emr_place.told
    assert sentence.startswith("2 clusters of this run need 80 vCPUs")
    assert "Months of a launch that AWS refuses fail" in sentence
    assert sentence.endswith("or run fewer months at a time.")


def test_a_quota_below_one_cluster_launches_no_month(place: MonthsPlace) -> None:
    place.emr.api.quotas.values[ON_DEMAND_CODE] = 39
    ended = place.run()
    assert sorted(ended) == UNITS
    assert all("one cluster needs 40 vCPUs" in each.error for each in ended.values())
    assert place.emr.clusters == []


def test_a_step_that_fails_blankly_is_tried_again(place: MonthsPlace) -> None:
    place.emr.step_faults = {UNITS[0]: [""]}
    assert all(each.ok for each in place.run().values())
    place.assert_exact()
    assert place.steps() == [[*UNITS, UNITS[0]]]
    launched, again = place.emr_place.told
    assert "for 3 months" in launched
    assert again.startswith("checkout, 2018-10: the step failed without saying why")


def test_a_month_that_keeps_failing_fails_alone_and_costs_one_more_run(place: MonthsPlace) -> None:
    place.emr.step_faults = {UNITS[0]: [""] * 9}
    ended = place.run()
    assert [name for name, each in ended.items() if not each.ok] == [UNITS[0]]
    assert ended[UNITS[0]].error.startswith("checkout, 2018-10: the step failed without saying why")
    assert place.states()[UNITS[0]] is MonthState.MISSING
    place.emr.step_faults = {}
    assert place.run("run2")[UNITS[0]].ok
    place.assert_exact()


def test_a_lost_cluster_is_replaced_for_the_months_that_are_left(place: MonthsPlace) -> None:
    place.emr.cluster_faults = [ClusterFault("INSTANCE_FAILURE", after_steps=1)]
    assert all(each.ok for each in place.run().values())
    assert place.steps() == [UNITS, UNITS[1:]]
    place.assert_exact()
    assert place.emr.living() == []


def test_a_cluster_that_never_works_leaves_every_month_as_it_was(place: MonthsPlace) -> None:
    place.emr.cluster_faults = [ClusterFault("VALIDATION_ERROR", "The subnet is wrong")]
    ended = place.run()
    assert {each.error.partition(":")[2][:15] for each in ended.values()} == {" not compacted,"}
    assert set(place.states().values()) == {MonthState.MISSING}


def test_a_step_that_dies_before_its_result_leaves_no_committed_month(place: MonthsPlace) -> None:
    place.emr.command = lambda arguments, _: month_step(arguments, KILLED, python=place.python)
    ended = place.run()
    assert not any(each.ok for each in ended.values())
    assert list(place.lake.list("orders/checkout/data/")), "the files were written"
    assert set(place.states().values()) == {MonthState.MISSING}
    assert place.compactor().table(OrderType.CHECKOUT).load() is None
    place.emr.command = place.step
    assert all(each.ok for each in place.run("run2").values())
    place.assert_exact()


def slow_but(place: MonthsPlace, unit: str) -> Callable[[Sequence[str], Path], Sequence[str]]:
    def command(arguments: Sequence[str], _: Path) -> Sequence[str]:
        before = "true" if arguments[-1] == unit else "sleep 2"
        return month_step(arguments, before=before, python=place.python)

    return command


def test_a_run_whose_platform_was_killed_is_attached_to_again(place: MonthsPlace) -> None:
    """One month is written and not committed, the others are still being written."""
    place.emr.command = slow_but(place, UNITS[0])
    dead = place.writer().write(place.contents(), "run")
    assert next(dead).month.name == UNITS[0]
    assert set(place.states().values()) == {MonthState.MISSING}

    assert all(each.ok for each in place.run().values())

    assert place.steps() == [UNITS], "no step and no cluster a second time"
    assert place.emr.living() == []
    place.assert_exact()
    del dead  # it was never closed: its process was killed


def test_months_written_before_the_kill_are_committed_without_a_cluster(place: MonthsPlace) -> None:
    written = list(place.writer().write(place.contents(), "run"))
    assert all(each.ok for each in written)
    assert all(each.ok for each in place.run().values())
    assert place.steps() == [UNITS]
    place.assert_exact()


def test_a_folder_published_after_the_kill_is_written_again(place: MonthsPlace) -> None:
    """What the steps of before have written, or still write, is of the earlier contents."""
    place.emr.command = slow_but(place, UNITS[0])
    dead = place.writer().write(place.contents(), "run")
    assert next(dead).month.name == UNITS[0]
    place.publish("run2", SECOND, order_row("5"), order_row("6"))
    place.publish("run2", OTHER, order_row("8"))

    ended = place.run()

    assert {name: each.error for name, each in ended.items()} == dict.fromkeys(UNITS, "")
    (steps,) = place.steps()
    assert Counter(steps) == {UNITS[0]: 2, UNITS[1]: 1, UNITS[2]: 2}
    place.assert_exact()
    del dead


def result_of(place: MonthsPlace, told: MonthResult) -> Any:
    """What is believed of this result."""
    place.lake.put(result_key(WRITTEN.name, "run"), told.to_json())
    work = MonthWork(place.emr_place.options, place.job, place.lake, place.contents(), "run")
    return work.result(WRITTEN, 1)


@pytest.fixture
def written(place: MonthsPlace) -> MonthResult:
    """The result of a step that wrote checkout's October."""
    assert all(each.ok for each in place.writer().write(place.contents()[:1], "run"))
    return MonthResult.from_json(place.lake.get(result_key(WRITTEN.name, "run")).data)


def test_a_result_names_its_plan_s_contents_and_its_files(
    place: MonthsPlace, written: MonthResult
) -> None:
    contents = place.contents()[0]
    assert sum(file.rows for file in written.files) == contents.rows == 3
    assert place.lake.size(month_plan_key("checkout", "2018-10", "run"))
    assert result_of(place, written).files == tuple(written.files)


def test_a_result_of_other_contents_is_not_believed(
    place: MonthsPlace, written: MonthResult
) -> None:
    told = result_of(place, replace(written, digest="0" * 64))
    assert "a folder was published again" in told.error
    assert told.failure.transient


@pytest.mark.parametrize(
    "wrong",
    [{"table": "fulfillment"}, {"month": "2018-11"}, {"run_id": "run2"}],
    ids=["table", "month", "run"],
)
def test_a_result_of_something_else_is_not_believed(
    place: MonthsPlace, written: MonthResult, wrong: dict[str, str]
) -> None:
    assert result_of(place, replace(written, **wrong)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path", ["_published/x.json", "orders/checkout/data/2018-11/run.0.parquet"]
)
def test_a_result_that_names_a_file_elsewhere_is_not_believed(
    place: MonthsPlace, written: MonthResult, path: str
) -> None:
    files = [replace(written.files[0], path=path)]
    assert result_of(place, replace(written, files=files)) is None


def test_a_result_whose_file_is_gone_or_cut_off_is_not_believed(
    place: MonthsPlace, written: MonthResult
) -> None:
    path = written.files[0].path
    data = place.lake.get(path).data
    place.lake.put(path, data[:-1])
    assert result_of(place, written) is None
    place.lake.delete([path])
    assert result_of(place, written) is None


def test_a_result_that_cannot_be_read_is_not_believed(
    place: MonthsPlace, written: MonthResult
) -> None:
    place.lake.put(result_key(WRITTEN.name, "run"), written.to_json()[:-9])
    work = MonthWork(place.emr_place.options, place.job, place.lake, place.contents(), "run")
    assert work.result(WRITTEN, 1) is None


def test_the_highest_attempt_that_left_a_result_is_found(
    place: MonthsPlace, written: MonthResult
) -> None:
    """A run that attaches again goes on after it, and never replaces its files."""
    place.lake.put(result_key(WRITTEN.name, attempt_run_id("run", 3)), written.to_json())
    work = MonthWork(place.emr_place.options, place.job, place.lake, place.contents(), "run")
    assert work.attempts() == {WRITTEN.name: 3}


def test_a_result_of_a_later_version_is_told_as_that(
    place: MonthsPlace, written: MonthResult
) -> None:
    later = written.to_json().replace(b'"format_version": 1', b'"format_version": 2')
    place.lake.put(result_key(WRITTEN.name, "run"), later)
    work = MonthWork(place.emr_place.options, place.job, place.lake, place.contents(), "run")
    told = work.result(WRITTEN, 1)
    assert told is not None
    assert "the month result was written by a later version of checkout-assets" in told.error
