"""Whatever is selected in the UI, one run does it and nothing in it misleads."""

from typing import Any

import dagster as dg
import pytest

from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets_tests.dagster.conftest import FIRST_16, MIGRATION, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine, OddStructureEngine

RAW, STRUCTURED, AFTER = "raw_orders", "structured_orders", "after"
FOLDER, TWO = FIRST_16[3], [FIRST_16[3], FIRST_16[9]]


@dg.asset(deps=[RAW_ORDERS, STRUCTURED_ORDERS])
def after() -> None:
    """What comes after both in the graph, as reconciliation does."""


def materialize(dagster: Dagster, assets: str, **engines: Any) -> dg.ExecuteInProcessResult:
    """One partition, as the launchpad or the graph makes it."""
    return dagster.materialize(assets, engines, others=[after], partition_key=FOLDER)


def statuses(dagster: Dagster, result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """How each step of a run ended."""
    steps = dagster.instance.get_run_step_stats(result.run_id)
    return {step.step_key: step.status.value for step in steps if step.status}


@pytest.mark.parametrize(
    "assets",
    [RAW, STRUCTURED, f"{RAW} {STRUCTURED}", f"{RAW} {AFTER}", f"{RAW} {STRUCTURED} {AFTER}"],
)
def test_any_assets_of_one_folder_are_one_green_run(dagster: Dagster, assets: str) -> None:
    result = materialize(dagster, assets)

    assert result.success
    assert "SKIPPED" not in statuses(dagster, result).values()
    for asset in assets.split():
        told = dagster.materializations(asset)
        assert [each.partition for each in told] == [None if asset == AFTER else FOLDER]
    for asset, check in ((RAW, "every_object_copied"), (STRUCTURED, "no_documents_quarantined")):
        expected = {FOLDER} if asset in assets.split() else set()
        assert set(dagster.checks(asset, check)) == expected
        assert all(each.passed for each in dagster.checks(asset, check).values())


def test_the_results_of_one_folder_are_those_of_a_range(dagster: Dagster) -> None:
    """Told by Dagster for the one, by us for the other."""
    seen = []
    for how in ({"partition_key": FOLDER}, {"folders": [FOLDER]}):
        if "folders" in how:
            dagster.run(f"{RAW} {STRUCTURED}", {}, [FOLDER])
        else:
            materialize(dagster, f"{RAW} {STRUCTURED}")
        of_check = dagster.checks(RAW, "no_documents_nested_under_id")[FOLDER]
        materialized = dagster.materializations(RAW)[0]
        kept = {name: value for name, value in materialized.metadata.items() if name != "seconds"}
        said = (of_check.passed, of_check.severity, of_check.description, of_check.metadata)
        assert of_check.target_materialization_data is not None
        seen.append((kept, said))
    assert seen[0] == seen[1]


def test_a_folder_that_is_not_copied_is_not_structured_and_nothing_comes_after(
    dagster: Dagster,
) -> None:
    structure = OddStructureEngine.of()
    result = materialize(
        dagster,
        f"{RAW} {STRUCTURED} {AFTER}",
        copy_engine=OddCopyEngine.of(failing=[FOLDER]),
        structure_engine=structure,
    )
    assert not result.success
    assert structure.engine().asked == []
    assert dagster.failure(result).description == f"1 of 1 folder failed: {FOLDER}"
    copied = dagster.checks(RAW, "every_object_copied")[FOLDER]
    assert (copied.passed, copied.description) == (False, f"{FOLDER}: it is broken.")
    assert dagster.materializations(AFTER) == []
    assert dagster.materialized(RAW) == dagster.materialized(STRUCTURED) == set()


def test_a_folder_that_is_copied_and_not_structured_stays_copied(dagster: Dagster) -> None:
    result = materialize(
        dagster,
        f"{RAW} {STRUCTURED}",
        structure_engine=OddStructureEngine.of(failing=[FOLDER]),
    )
    assert not result.success
    assert dagster.materialized(RAW) == {FOLDER}
    assert dagster.materialized(STRUCTURED) == set()


def test_a_range_of_both_fails_folder_by_folder(dagster: Dagster) -> None:
    structure = OddStructureEngine.of(failing=TWO[1:])
    result = dagster.run(
        f"{RAW} {STRUCTURED}",
        {"copy_engine": OddCopyEngine.of(failing=TWO[:1]), "structure_engine": structure},
    )
    assert not result.success
    assert dagster.failure(result).description == f"2 of 16 folders failed: {', '.join(TWO)}"
    assert dagster.materialized(RAW) == set(FIRST_16) - set(TWO[:1])
    assert dagster.materialized(STRUCTURED) == set(FIRST_16) - set(TWO)
    assert structure.engine().asked[0][0] == [name for name in FIRST_16 if name != TWO[0]]


def test_checks_alone_are_refused_in_one_sentence(dagster: Dagster) -> None:
    result = dg.materialize(
        [MIGRATION],
        selection=dg.AssetSelection.checks_for_assets(RAW_ORDERS),
        instance=dagster.instance,
        resources={
            "copy_engine": OddCopyEngine.of(),
            "structure_engine": OddStructureEngine.of(),
        },
        raise_on_error=False,
    )
    assert not result.success
    failure = dagster.failure(result)
    assert failure is not None
    assert failure.description.startswith("A folder's checks are judged when it is copied")
