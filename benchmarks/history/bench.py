"""What years of daily reconciliations cost: ``make bench-history``.

Two instances like the one of ``make ui``: one with a month's first reconciliation, and a copy of it
with the years in bulk. The UI's queries, the schedule, the sensor and reconciliations are timed on
both, one after the other, in turn. Prints a table, writes JSON.
"""

import argparse
import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import dagster as dg
from dagster_graphql.test.utils import define_out_of_process_context, execute_dagster_graphql
from rich.console import Console
from rich.table import Table

from benchmarks.history.reconciling import last_at, reconcile
from benchmarks.history.years import Years, stored
from checkout_assets.automation.alerts import Alerts
from checkout_assets.automation.repair_schedule import build_repair_daily
from checkout_assets.demo.place import instance_config
from checkout_assets.domain.alerts.message import AlertLinks
from checkout_assets.engines.alerts.options import AlertOptions

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "history.json"
DAYS, ROUNDS = 730, 3
_SECONDS_BETWEEN_TICKS = 3600.0
QUERIES = {
    "UI: the page of an asset: 100 materializations of reconciliation": """{
      assetOrError(assetKey: {path: ["reconciliation"]}) { ... on Asset {
        assetMaterializations(limit: 100) { timestamp metadataEntries { label } } } } }""",
    "UI: the checks of raw_orders, with their 512 partitions": """{
      assetNodeOrError(assetKey: {path: ["raw_orders"]}) { ... on AssetNode { assetChecksOrError {
        ... on AssetChecks { checks { name partitionStatuses { __typename }
          executionForLatestMaterialization { status } } } } } } }""",
    "UI: the page of a check: 25 results": """{
      assetCheckExecutions(assetKey: {path: ["raw_orders"]}, checkName: "every_object_copied",
        limit: 25) { status timestamp evaluation { description } } }""",
    "UI: a folder's results of a check": """{
      assetCheckExecutions(assetKey: {path: ["raw_orders"]}, checkName: "every_object_copied",
        partition: "FF_CheckoutOrder", limit: 25) { status timestamp } }""",
    "UI: 25 runs": "{ runsOrError(limit: 25) { ... on Runs { results { runId status } } } }",
}
Seconds = dict[str, float]


def prepare(home: Path) -> None:
    """Make the instance of ``make ui``."""
    home.mkdir()
    (home / "dagster.yaml").write_text(instance_config(home / "history", ""))


@contextmanager
def opened(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of a home."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def begin(home: Path) -> Years:
    """Store a month's first reconciliation and one without news; returns what to repeat."""
    prepare(home)
    with opened(home) as instance:
        reconcile(instance, datetime.now().astimezone())
        reconcile(instance, next_month(instance))
        reconcile(instance, last_at(instance))
        daily, monthly, _ = (run.run_id for run in instance.get_runs(limit=3))
    return Years(stored(home, daily), stored(home, monthly))


def next_month(instance: dg.DagsterInstance) -> datetime:
    """A time in another month than that of the last reconciliation."""
    return last_at(instance) + timedelta(days=31)


def copy_of(home: Path, other: Path) -> None:
    """Copy an instance; a home names its own place."""
    shutil.copytree(home, other)
    config = other / "dagster.yaml"
    config.write_text(config.read_text().replace(str(home), str(other)))


def asked(instance: dg.DagsterInstance) -> Iterator[tuple[str, Callable[[], object]]]:
    """What schedule, sensor and reconciliation do, by name."""
    sender = Alerts((), AlertOptions(), AlertLinks("http://ui", "http://runbook"))
    log = logging.getLogger(__name__)
    now, cursor = time.time(), None
    for _ in range(3):  # an event counts as read a while after it
        cursor, _ = sender.look(instance, cursor, now, log)
        now += _SECONDS_BETWEEN_TICKS
    yield "sensor alerts: its first tick", lambda: sender.look(instance, None, now, log)
    yield "sensor alerts: a later tick", lambda: sender.look(instance, cursor, now, log)
    yield "schedule repair_daily: a tick", lambda: _tick(instance)
    yield "reconciliation: a day without news", lambda: reconcile(instance, last_at(instance))
    yield "reconciliation: the month's first", lambda: reconcile(instance, next_month(instance))


@dg.op
def _repairs() -> None:
    """Stand for the job that the schedule launches."""


def _tick(instance: dg.DagsterInstance) -> object:
    @dg.job(name="repair_folders")
    def repair_folders() -> None:
        _repairs()

    at = last_at(instance) + timedelta(hours=1)
    context = dg.build_schedule_context(instance, scheduled_execution_time=at)
    return build_repair_daily(repair_folders, 3, 32)(context)


def timed(instance: dg.DagsterInstance, ui: "Callable[[str], object]") -> Seconds:
    """Seconds of everything that is asked, once each."""
    work = {name: lambda query=query: ui(query) for name, query in QUERIES.items()}
    return {name: _seconds(do) for name, do in (*work.items(), *asked(instance))}


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


@contextmanager
def ui_of(instance: dg.DagsterInstance) -> "Iterator[Callable[[str], object]]":
    """Ask the webserver's schema in this process; the definitions are in one of their own."""
    module = str(ROOT / "checkout_assets" / "definitions.py")
    with define_out_of_process_context(module, None, instance) as context:

        def ask(query: str) -> object:
            answer = execute_dagster_graphql(context, query)
            assert not answer.errors, answer.errors
            return answer.data

        yield ask


def megabytes(home: Path) -> float:
    """The size of an instance's databases."""
    return sum(each.stat().st_size for each in home.rglob("*.db*")) / 1e6


def measure(directory: Path, days: int, rounds: int) -> dict[str, object]:
    """Time both instances in turn, and return sizes and medians."""
    before, after = directory / "before", directory / "after"
    years = begin(before)
    copy_of(before, after)
    began = time.perf_counter()
    events = years.insert(after, days)
    inserting = time.perf_counter() - began
    sizes = {home.name: round(megabytes(home), 1) for home in (before, after)}
    found: dict[str, list[Seconds]] = {"before": [], "after": []}
    with ExitStack() as stack:
        asking = {}
        for home in (before, after):
            instance = stack.enter_context(opened(home))
            asking[home.name] = (instance, stack.enter_context(ui_of(instance)))
        for _ in range(rounds):
            for name, (instance, ui) in asking.items():
                found[name].append(timed(instance, ui))
    return {
        "days": days,
        "rounds": rounds,
        "events": events,
        "seconds_to_insert": round(inserting, 1),
        "megabytes": sizes,
        "seconds": {name: medians(each) for name, each in found.items()},
    }


def medians(rounds: list[Seconds]) -> Seconds:
    """The median of each figure."""
    return {name: round(median(each[name] for each in rounds), 3) for name in rounds[0]}


def show(told: Mapping[str, object]) -> Table:
    """The result as a table."""
    sizes, seconds = told["megabytes"], told["seconds"]
    assert isinstance(sizes, dict)
    assert isinstance(seconds, dict)
    table = Table("seconds", "before", f"after {told['days']} days")
    for name, value in seconds["before"].items():
        table.add_row(name, f"{value:.3f}", f"{seconds['after'][name]:.3f}")
    table.add_row("databases, MB", str(sizes["before"]), str(sizes["after"]))
    return table


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = "100"  # as make ui
    with tempfile.TemporaryDirectory() as directory:
        told = measure(Path(directory), given.days, given.rounds)
    Console().print(show(told))
    given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
