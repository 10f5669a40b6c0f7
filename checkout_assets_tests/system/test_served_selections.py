"""One and 40 folders through the real webserver and daemon, by engines that do nothing.

Each test prints its row of the table in docs/performance.md.
"""

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.domain.anomalies import RAW_RULES, STRUCTURED_RULES
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.real_dagster import (
    Webserver,
    dagster_dev,
    shipped_home,
    wait_until,
)

pytestmark = pytest.mark.slow

RAW, STRUCTURED = "raw_orders", "structured_orders"
BOTH = f"{RAW} {STRUCTURED}"
ALL = f"{BOTH} reconciliation"
RUNS_AT_ONCE = 2
FOLDERS_PER_RUN = 32
LONGEST_SECONDS = 3600.0
RULES: dict[dg.AssetKey, Sequence[Any]] = {
    RAW_ORDERS: RAW_RULES,
    STRUCTURED_ORDERS: STRUCTURED_RULES,
}
ENDED = {
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
}
SLOW = {"resources": {"copy_engine": {"config": {"pause": 1.0}}}}
"""Run configuration: a second for each raw folder."""


@dataclass
class Served:
    """The UI's server and its instance."""

    server: Webserver
    instance: dg.DagsterInstance

    def run_of(self, assets: str, folder: str) -> list[dg.DagsterRun]:
        """The run that the dialog launches for one folder, ended."""
        run = self.server.launch_one(assets, folder)
        wait_until(lambda: self._run(run).status in ENDED, LONGEST_SECONDS)
        return [self._run(run)]

    def runs_of_backfill(
        self, assets: str, folders: Sequence[str], config: Mapping[str, Any] | None
    ) -> list[dg.DagsterRun]:
        """The runs of a backfill that succeeded."""
        backfill = self.server.backfill(assets, folders, config)
        wait_until(lambda: self._has_ended(backfill), LONGEST_SECONDS)
        assert self.server.backfill_status(backfill) == "COMPLETED_SUCCESS"
        return list(
            self.instance.get_runs(filters=dg.RunsFilter(tags={"dagster/backfill": backfill}))
        )

    def materialized(self, asset: dg.AssetKey, runs: set[str]) -> Counter[str | None]:
        """How often these runs have materialized each partition."""
        records = self.instance.fetch_materializations(asset, limit=2 * len(FOLDER_NAMES)).records
        return Counter(each.partition_key for each in records if each.run_id in runs)

    def checked(self, asset: dg.AssetKey, runs: set[str]) -> Counter[str]:
        """How many folders these runs have checked, by check; planned and not passed are errors."""
        keys = [dg.AssetCheckKey(asset, rule.name) for rule in RULES[asset]]
        infos = self.instance.event_log_storage.get_asset_check_partition_info(keys)
        own = [each for each in infos if each.latest_planned_run_id in runs]
        assert {each.latest_execution_status.value for each in own} <= {"SUCCEEDED"}
        return Counter(each.check_key.name for each in own)

    def _run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def _has_ended(self, backfill: str) -> bool:
        return self.server.backfill_status(backfill).startswith(("COMPLETED", "FAILED"))


@pytest.fixture(scope="module")
def served(
    s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The shipped instance, two runs at once as in the demo."""
    directory = tmp_path_factory.mktemp("idle")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        place = OrdersPlace(directory)
        patch.setenv("DAGSTER_HOME", str(shipped_home(directory, most_runs=RUNS_AT_ONCE)))
        patch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
        patch.setenv("CHECKOUT_LAKE_URI", place.lake.uri)
        with (
            dagster_dev(directory / "dagster.log", "checkout_assets_tests.idle_definitions") as ui,
            dg.DagsterInstance.get() as instance,
        ):
            yield Served(ui, instance)


def test_slow_folders_of_both_are_as_few_runs_as_quick_ones(served: Served) -> None:
    run(served, BOTH, 64, runs=2, config=SLOW)


@pytest.mark.parametrize("assets", [BOTH, ALL, RAW, STRUCTURED])
@pytest.mark.parametrize("folders", [1, 40])
def test_any_selection_is_as_few_runs_as_possible_and_all_of_it_is_green(
    served: Served, assets: str, folders: int
) -> None:
    after = 1 if folders > 1 and assets == ALL else 0
    run(served, assets, folders, runs=math.ceil(folders / FOLDERS_PER_RUN) + after)


def test_all_folders_of_both_are_one_run_for_each_32(served: Served) -> None:
    run(served, BOTH, len(FOLDER_NAMES), runs=16)


def run(
    served: Served, assets: str, folders: int, runs: int, config: Mapping[str, Any] | None = None
) -> None:
    """Materialize the first folders in so many runs, and look at everything that they stored."""
    chosen = FOLDER_NAMES[:folders]
    started = time.monotonic()
    ended = (
        served.run_of(assets, chosen[0])
        if folders == 1
        else served.runs_of_backfill(assets, chosen, config)
    )
    seconds = time.monotonic() - started
    outcome = Counter(each.status.value for each in ended)
    print(f"| {assets} | {folders} | {dict(outcome)} | {seconds:.0f} |")  # noqa: T201 - the table
    assert outcome == {"SUCCESS": runs}
    own = {each.run_id for each in ended}
    for asset, rules in RULES.items():
        among = asset.to_user_string() in assets.split()
        assert served.materialized(asset, own) == (Counter(chosen) if among else {})
        checked = {rule.name: folders for rule in rules} if among else {}
        assert served.checked(asset, own) == checked
    assert served.materialized(RECONCILIATION, own) == ({None: 1} if assets == ALL else {})
