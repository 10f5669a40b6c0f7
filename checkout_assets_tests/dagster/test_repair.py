"""``repair_folders``: any list of folders, one engine call each, reported by partition."""

import json
import re
from pathlib import Path

import dagster as dg

from checkout_assets.assets.attention import folder_table
from checkout_assets.assets.migration import Migration
from checkout_assets.assets.reconciliation_page import RECONCILIATION, RED_FOLDERS
from checkout_assets.automation.repair import build_repair_folders
from checkout_assets.domain.reporting.outcome import Line, ReportedFolder
from checkout_assets_tests.dagster.conftest import RUNBOOK, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine, OddStructureEngine

SCATTERED = ["07_CheckoutOrder", "86_FulfillmentOrder", "E9_FulfillmentOrder"]
JOB = build_repair_folders(Migration(RUNBOOK))


def repair(
    dagster: Dagster, copy: OddCopyEngine, structure: OddStructureEngine, **config: object
) -> dg.ExecuteInProcessResult:
    return JOB.execute_in_process(
        instance=dagster.instance,
        resources={"copy_engine": copy, "structure_engine": structure},
        run_config={"ops": {"repair": {"config": {"folders": SCATTERED, **config}}}},
        raise_on_error=False,
    )


def test_scattered_folders_are_one_engine_call_each(dagster: Dagster) -> None:
    copy, structure = OddCopyEngine.of(), OddStructureEngine.of()
    result = repair(dagster, copy, structure)
    assert result.success
    assert [asked for asked, _ in copy.engine().asked] == [SCATTERED]
    assert [asked for asked, _ in structure.engine().asked] == [SCATTERED]
    assert dagster.materialized("raw_orders") == set(SCATTERED)
    assert dagster.materialized("structured_orders") == set(SCATTERED)
    assert set(dagster.checks("raw_orders", "every_object_copied")) == set(SCATTERED)


def test_what_was_not_copied_is_not_structured_and_both_failures_are_told(
    dagster: Dagster,
) -> None:
    copy = OddCopyEngine.of(failing=SCATTERED[:1])
    structure = OddStructureEngine.of(failing=SCATTERED[1:2])
    result = repair(dagster, copy, structure)
    assert not result.success
    assert [asked for asked, _ in structure.engine().asked] == [SCATTERED[1:]]
    assert dagster.materialized("structured_orders") == {SCATTERED[2]}
    assert dagster.failure(result, "repair").description == (
        "2 of 3 folders failed: 07_CheckoutOrder, 86_FulfillmentOrder"
    )


def test_only_structuring_can_be_asked_for(dagster: Dagster) -> None:
    copy = OddCopyEngine.of()
    assert repair(dagster, copy, OddStructureEngine.of(), copy_them=False).success
    assert copy.engine().asked == []


def test_a_wrong_folder_name_is_one_sentence(dagster: Dagster) -> None:
    result = repair(dagster, OddCopyEngine.of(), OddStructureEngine.of(), folders=["e9_checkout"])
    failure = dagster.failure(result, "repair")
    assert failure is not None
    assert "did you mean E9_CheckoutOrder?" in failure.description


def reconciled(dagster: Dagster, *red: str) -> None:
    """The last reconciliation found these folders red."""
    told = [ReportedFolder(name, "red", [Line("not_copied", "red", "Not.", 1)]) for name in red]
    dagster.instance.report_runless_asset_event(
        dg.AssetMaterialization(RECONCILIATION, metadata={RED_FOLDERS: folder_table(told)})
    )


def test_red_means_the_folders_that_were_red_at_the_last_reconciliation(dagster: Dagster) -> None:
    reconciled(dagster, "00_CheckoutOrder")
    reconciled(dagster, *SCATTERED[1:])
    copy = OddCopyEngine.of()
    assert repair(dagster, copy, OddStructureEngine.of(), folders=["red"]).success
    assert [asked for asked, _ in copy.engine().asked] == [SCATTERED[1:]]
    both = OddCopyEngine.of()
    assert repair(dagster, both, OddStructureEngine.of(), folders=[SCATTERED[0], "red"]).success
    assert [asked for asked, _ in both.engine().asked] == [SCATTERED]


def test_nothing_red_is_nothing_to_repair(dagster: Dagster) -> None:
    reconciled(dagster)
    copy = OddCopyEngine.of()
    assert repair(dagster, copy, OddStructureEngine.of(), folders=["red"]).success
    assert copy.engine().asked == []


def test_red_without_a_reconciliation_and_an_empty_list_are_one_sentence(dagster: Dagster) -> None:
    for folders, sentence in ((["red"], "No reconciliation says"), ([], "No folder was named")):
        result = repair(dagster, OddCopyEngine.of(), OddStructureEngine.of(), folders=folders)
        failure = dagster.failure(result, "repair")
        assert failure is not None
        assert failure.description.startswith(sentence)


def test_the_launchpad_starts_with_a_list_that_works() -> None:
    assert JOB.run_config is not None
    assert JOB.run_config["ops"]["repair"]["config"]["folders"] == ["red"]


def test_forty_folders_are_one_run_by_the_command_that_the_readme_shows(
    in_memory: Dagster,
) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    shown = re.search(
        rf"dagster job launch -w workspace\.yaml -j {JOB.name} --config-json '(.*)'", readme
    )
    assert shown is not None
    copy, structure = OddCopyEngine.of(pause=0), OddStructureEngine.of(pause=0)
    result = JOB.execute_in_process(
        instance=in_memory.instance,
        resources={"copy_engine": copy, "structure_engine": structure},
        run_config=json.loads(shown[1]),
    )
    assert result.success
    folders = [f"{prefix:02X}_CheckoutOrder" for prefix in range(0x07, 0x07 + 40)]
    assert [asked for asked, _ in copy.engine().asked] == [folders]
    assert [asked for asked, _ in structure.engine().asked] == [folders]
    for asset in ("raw_orders", "structured_orders"):
        assert in_memory.materialized(asset) == set(folders)
