"""What a reconciliation tells Dagster: folders first, the report's link, what it saw elsewhere."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.assets.attention import told_first
from checkout_assets.assets.observing import observations
from checkout_assets.assets.reconciliation import build_reconciliation
from checkout_assets.assets.reconciliation_checks import COMPLETE
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.uris import absolute_uri
from checkout_assets.definitions import build_defs
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.reconciliation import FolderReconciled
from checkout_assets.domain.reporting.outcome import Line, ReconciliationOutcome, ReportedFolder
from checkout_assets.resources.engines import ReconcilerResource
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import RUNBOOK, Dagster
from checkout_assets_tests.domain.test_reporting import flagged, folder, outcome
from checkout_assets_tests.orders_place import OrdersPlace

SHOWN_AT_ONCE = 1000


def told(*lines: str, name: str = "names_are_safe") -> list[ReportedFolder]:
    return [
        ReportedFolder(folder.name, "yellow", [Line(name, "yellow", line, 1)])
        for folder, line in zip(ALL_FOLDERS, lines, strict=False)
    ]


def test_a_folder_is_told_with_sentence_count_and_link() -> None:
    text = told_first(outcome(flagged("86_FulfillmentOrder")).folders, RUNBOOK).value
    assert text == (
        "- 🟨 `86_FulfillmentOrder` 3 objects lie nested under id/; they are copied and go to "
        "quarantine. [what to do](http://127.0.0.1/runbook.html#no_documents_nested_under_id)"
    )


def test_what_does_not_fit_is_counted_and_dagster_shows_the_rest_without_a_click() -> None:
    text = str(told_first(told(*("twelve names were escaped." for _ in range(100))), RUNBOOK).value)
    shown = text.count("\n- ") + 1
    assert len(text) < SHOWN_AT_ONCE
    assert shown > 5
    assert text.endswith(f"… and {100 - shown:,} more, all in the tables below.")


def test_names_of_strangers_are_no_markup() -> None:
    hostile = "](javascript:alert(1)) <script>x</script> **b** `c` |d| http://e.example f@g.example"
    text = str(told_first(told(hostile), Runbook()).value)
    assert "\\]\\(javascript\\:alert\\(1\\)\\) \\<script\\>x" in text
    assert "\\*\\*b\\*\\* \\`c\\` \\|d\\| http\\://e.example f\\@g.example" in text
    assert text.endswith(" docs/runbook.md, names\\_are\\_safe")


def test_nothing_to_tell_is_said() -> None:
    assert str(told_first([], RUNBOOK).value).startswith("🟩 Nothing:")


@pytest.mark.parametrize(
    ("place", "key", "uri"),
    [
        ("", "table/", ""),
        ("s3://lake/x", "table/", "s3://lake/x/table/"),
        ("s3://lake/", "", "s3://lake/"),
        ("/srv/my lake", "table/", "file:///srv/my%20lake/table/"),
        ("file:///srv/lake", "a", "file:///srv/lake/a"),
    ],
)
def test_what_is_shown_as_a_uri_is_one(place: str, key: str, uri: str) -> None:
    assert absolute_uri(place, key) == uri


def test_a_relative_directory_is_shown_whole(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_uri("lake") == f"file://{tmp_path}/lake"


def seen(
    *folders: FolderReconciled, before: list[ReconciliationOutcome]
) -> dict[Any, dg.AssetObservation]:
    found = list(observations(folders, outcome(*folders), before))
    return {(each.asset_key.path[-1], each.partition): each for each in found}


def test_the_source_is_observed_as_it_was_listed_and_a_changed_folder_by_itself() -> None:
    first = outcome(folder("00_CheckoutOrder", listed=4), folder("01_CheckoutOrder", listed=4))
    second = outcome(folder("02_CheckoutOrder", listed=1))  # a part of the folders, as each day
    now = [
        folder("00_CheckoutOrder", listed=4),
        folder("01_CheckoutOrder", listed=3),
        folder("02_CheckoutOrder", listed=1),
        folder("03_CheckoutOrder", listed=9),
        folder("04_CheckoutOrder", listed=None),
    ]
    found = seen(*now, before=[first, second])
    whole = {name: value.value for name, value in found["source_orders", None].metadata.items()}
    assert (whole["objects"], whole["folders_listed"], whole["folders_empty"]) == (17, 4, 0)
    assert [partition for key, partition in found if key == "source_orders" and partition] == [
        "01_CheckoutOrder"
    ]
    changed = found["source_orders", "01_CheckoutOrder"].metadata
    assert (changed["objects"].value, changed["objects_before"].value) == (3, 4)


def test_without_a_source_nothing_is_said_of_it() -> None:
    found = seen(folder("00_CheckoutOrder", listed=None), before=[])
    assert {key for key, _ in found} == {"checkout", "fulfillment"}


def graph(**settings: Any) -> Any:
    return build_defs(Settings(**settings)).resolve_asset_graph()


def test_the_graph_runs_from_the_source_to_the_tables_and_says_where_each_is() -> None:
    found = graph(source_uri="s3://source/x", raw_uri="s3://raw/y", lake_uri="/srv/lake")
    keys = {
        "source_orders": "s3://source/x",
        "raw_orders": "s3://raw/y",
        "structured_orders": "file:///srv/lake",
        "consumable_tables/checkout": "file:///srv/lake/consumable_tables/checkout/",
        "consumable_tables/fulfillment": "file:///srv/lake/consumable_tables/fulfillment/",
    }
    for name, uri in keys.items():
        node = found.get(dg.AssetKey.from_user_string(name))
        assert node.metadata["dagster/uri"] in {uri, dg.MetadataValue.text(uri)}, name
        assert node.owners
        assert node.is_materializable is (name in {"raw_orders", "structured_orders"})
    source, raw = (found.get(dg.AssetKey(name)) for name in ("source_orders", "raw_orders"))
    assert source.partitions_def == raw.partitions_def
    assert raw.parent_keys == {source.key}


def test_both_tables_have_their_name_and_their_own_columns() -> None:
    columns = {}
    for name in ("checkout", "fulfillment"):
        metadata = graph().get(dg.AssetKey(["consumable_tables", name])).metadata
        assert metadata["dagster/table_name"] == f"consumable_tables.{name}"
        columns[name] = {column.name for column in metadata["dagster/column_schema"].columns}
    assert columns["checkout"] < columns["fulfillment"]
    assert len(columns["fulfillment"] - columns["checkout"]) == 2


def test_what_the_code_makes_has_a_version_and_reconciliation_a_deadline() -> None:
    found = graph()
    for name in ("raw_orders", "structured_orders", "reconciliation"):
        assert found.get(dg.AssetKey(name)).code_version
    assert found.get(RECONCILIATION).freshness_policy is not None


@pytest.fixture
def reconciled(
    place: OrdersPlace, dagster: Dagster
) -> tuple[OrdersPlace, dg.ExecuteInProcessResult]:
    """One document of 86_FulfillmentOrder and three objects that lie too deep, copied."""
    name = "86_FulfillmentOrder"
    place.put(f"{name}/A/id/one")
    for number in range(3):
        place.put(f"{name}/A/id/deep/{number}")
    place.put("jane doe.json")
    assert place.copy(name)[name].ok
    return place, reconcile(place, dagster)


def reconcile(place: OrdersPlace, dagster: Dagster) -> dg.ExecuteInProcessResult:
    stores = Stores(
        source_uri=place.source.uri,
        raw_uri=place.raw.uri,
        lake_uri=place.lake.uri,
        s3=S3Resource(),
    )
    return dg.materialize(
        [build_reconciliation(RUNBOOK, "http://127.0.0.1:3001/reports")],
        instance=dagster.instance,
        resources={"reconciler": ReconcilerResource(stores=stores)},
        raise_on_error=False,
    )


def test_red_and_flagged_folders_and_the_report_stand_first(
    reconciled: tuple[OrdersPlace, dg.ExecuteInProcessResult],
) -> None:
    place, ended = reconciled
    (made,) = ended.asset_materializations_for_node("reconciliation")
    assert list(made.metadata)[:3] == ["red_and_flagged", "report", "report_file"]
    (page,) = (Path(place.lake.uri) / "_reports").glob("*.html")
    assert made.metadata["report"].value == f"http://127.0.0.1:3001/reports/{page.name}"
    assert made.metadata["report_file"].value == page.as_uri()
    assert "3 objects lie nested under id/" in page.read_text()
    first = str(made.metadata["red_and_flagged"].value)
    assert first.startswith("- 🟥 `86_FulfillmentOrder`")
    rows: Any = made.metadata["red_folders"].value
    assert rows


def test_the_check_has_counts_and_links_and_masks_a_loose_objects_name(
    reconciled: tuple[OrdersPlace, dg.ExecuteInProcessResult],
) -> None:
    _, ended = reconciled
    checks = {each.check_name: each for each in ended.get_asset_check_evaluations()}
    complete = checks[COMPLETE]
    assert complete.metadata["folders_red"].value == 512
    assert str(complete.metadata["report"].value).startswith("http://127.0.0.1:3001/reports/")
    assert str(complete.metadata["runbook"].value).endswith(f"#{COMPLETE}")
    unexpected = checks["nothing_unexpected_at_the_source"]
    assert not unexpected.passed
    assert "jane" not in str(unexpected.description)
    assert "[object " in str(unexpected.description)


def test_what_the_reconciliation_saw_is_observed(
    reconciled: tuple[OrdersPlace, dg.ExecuteInProcessResult], dagster: Dagster
) -> None:
    (source,) = dagster.instance.fetch_observations(dg.AssetKey("source_orders"), limit=9).records
    assert source.asset_observation is not None
    assert source.asset_observation.metadata["objects"].value == 4
    for table in ("checkout", "fulfillment"):
        key = dg.AssetKey(["consumable_tables", table])
        (seen_now,) = dagster.instance.fetch_observations(key, limit=9).records
        assert seen_now.asset_observation is not None
        assert seen_now.asset_observation.metadata["dagster/row_count"].value == 0


def test_a_report_that_cannot_be_kept_is_told_and_the_checks_are_reported(
    reconciled: tuple[OrdersPlace, dg.ExecuteInProcessResult], dagster: Dagster
) -> None:
    place, _ = reconciled
    reports = Path(place.lake.uri) / "_reports"
    reports.rename(reports.with_name("elsewhere"))
    reports.write_text("in the way")
    ended = reconcile(place, dagster)
    (made,) = ended.asset_materializations_for_node("reconciliation")
    assert str(made.metadata["report"].value).startswith("The report was not kept in the lake: ")
    assert len(ended.get_asset_check_evaluations()) == 5
