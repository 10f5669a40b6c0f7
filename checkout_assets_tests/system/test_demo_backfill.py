"""The demo's backfill of all 512 folders, by engines that do nothing: what is left is Dagster's."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from checkout_assets import definitions
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.demo.backfill import InProcessDagster, in_process_dagster
from checkout_assets.demo.place import DemoPlace
from checkout_assets.domain.anomalies import RAW_RULES, STRUCTURED_RULES
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets_tests.dagster.conftest import MIGRATION
from checkout_assets_tests.dagster.engines import OddCopyEngine, OddStructureEngine
from checkout_assets_tests.postgres_server import postgres_server

pytestmark = pytest.mark.slow

BOTH = [RAW_ORDERS, STRUCTURED_ORDERS]
FOLDERS_PER_RUN = 32
RUNS = len(FOLDER_NAMES) // FOLDERS_PER_RUN


@dg.asset(deps=BOTH)
def after() -> None:
    """What comes after both in the graph, as reconciliation does."""


@contextmanager
def demo(directory: Path, database: str = "") -> Iterator[InProcessDagster]:
    """Dagster as the demo starts it, with both assets and what comes after them."""
    place = DemoPlace(directory)
    place.prepare(database=database)
    engines = {
        "copy_engine": OddCopyEngine.of(pause=0),
        "structure_engine": OddStructureEngine.of(pause=0),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.environment().items():
            patch.setenv(name, value)
        made = dg.Definitions(
            [MIGRATION, after], resources=engines, executor=dg.in_process_executor
        )
        patch.setattr(definitions, "defs", made)
        with in_process_dagster() as dagster:
            yield dagster


def results(instance: dg.DagsterInstance) -> Counter[tuple[str, bool]]:
    """How many folders each check of both assets has passed, and not passed."""
    rules = {RAW_ORDERS: RAW_RULES, STRUCTURED_ORDERS: STRUCTURED_RULES}
    keys = [dg.AssetCheckKey(asset, each.name) for asset in BOTH for each in rules[asset]]
    infos = instance.event_log_storage.get_asset_check_partition_info(keys)
    return Counter(
        (each.check_key.name, each.latest_execution_status.value == "SUCCEEDED") for each in infos
    )


@pytest.mark.parametrize(
    ("more", "runs"), [([], RUNS), ([after.key], RUNS + 1)], ids=["two", "all"]
)
def test_512_folders_of_any_assets_are_as_few_runs_as_possible(
    tmp_path: Path, more: list[dg.AssetKey], runs: int
) -> None:
    with demo(tmp_path / "demo") as dagster:
        all_folders(dagster, more, runs)


def test_512_folders_in_postgresql(tmp_path: Path) -> None:
    with postgres_server("secret") as server, demo(tmp_path / "demo", server.url) as dagster:
        all_folders(dagster, [], RUNS)


def all_folders(dagster: InProcessDagster, more: list[dg.AssetKey], runs: int) -> None:
    """Backfill all folders of both assets and these others, in so many runs."""
    with dg.DagsterInstance.get() as instance:
        assert dagster.backfill([*BOTH, *more], "all folders")
        ended = instance.get_runs()
        assert [run.status for run in ended] == [dg.DagsterRunStatus.SUCCESS] * runs
        for asset in BOTH:
            assert instance.get_materialized_partitions(asset) == {*FOLDER_NAMES}
        for asset in more:
            assert len(instance.fetch_materializations(asset, limit=9).records) == 1
        seen = results(instance)
    assert sum(seen.values()) == len(FOLDER_NAMES) * (len(RAW_RULES) + len(STRUCTURED_RULES))
    assert set(seen.values()) == {len(FOLDER_NAMES)}
