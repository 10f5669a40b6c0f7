"""The metadata of ``reconciliation``, the most important first."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from checkout_assets.assets.attention import folder_table
from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.folders import Folder, words_for
from checkout_assets.domain.orphans import shown_some
from checkout_assets.domain.reconciliation import FolderReconciled, State, Summary, heat_map
from checkout_assets.domain.reporting.listings import listed_now, told_listings
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome
from spark_jobs.contract.order_types import OrderType

RECONCILIATION = dg.AssetKey("reconciliation")
RED_FOLDERS = "red_folders"
"""The metadata entry with the table of red folders."""

_MOST_ORPHANS = 50
_MONTHS = {
    "months_up_to_date": MonthState.UP_TO_DATE,
    "months_stale": MonthState.STALE,
    "months_missing": MonthState.MISSING,
}


def metadata(
    folders: Sequence[FolderReconciled], summary: Summary, outcome: ReconciliationOutcome
) -> dict[str, Any]:
    """The asset's metadata, the most important first."""
    states = {each.folder: each.state for each in folders}
    return {
        "folders_red": outcome.red,
        RED_FOLDERS: folders_in(State.RED, outcome),
        "repair_folders_takes": f"folders: [{', '.join(words_for(_red(outcome)))}]",
        "folders_yellow": outcome.yellow,
        "yellow_folders": folders_in(State.YELLOW, outcome),
        "checkout_00_to_FF": _squares(heat_map(states, OrderType.CHECKOUT)),
        "fulfillment_00_to_FF": _squares(heat_map(states, OrderType.FULFILLMENT)),
        "flagged_folders": flagged(folders),
        "red_reasons": red_reasons(summary.red),
        "folders_complete": summary.complete,
        **_listings(outcome),
        "objects": summary.objects,
        "bytes": summary.total_bytes,
        "dagster/row_count": summary.rows,
        "quarantined": sum(summary.quarantined.values()),
        **{f"quarantined_{reason}": count for reason, count in summary.quarantined.items()},
        "nested": summary.nested,
        "rescued_values": summary.rescued_values,
        "escaped_names": summary.escaped,
    }


def _listings(outcome: ReconciliationOutcome) -> dict[str, Any]:
    told = told_listings(outcome)
    named = {"listings": dg.MetadataValue.text(told)} if told else {}
    return {"folders_listed": listed_now(outcome), **named}


def folders_in(state: State, outcome: ReconciliationOutcome) -> dg.TableMetadataValue:
    """The table of the folders in this state."""
    return folder_table(each for each in outcome.folders if each.state == state)


def last_metadata(instance: dg.DagsterInstance) -> Mapping[str, dg.MetadataValue[Any]]:
    """The metadata of the last reconciliation; empty if there is none."""
    records = instance.fetch_materializations(RECONCILIATION, limit=1).records
    made = records[0].asset_materialization if records else None
    return made.metadata if made else {}


def last_red(instance: dg.DagsterInstance) -> tuple[Folder, ...] | None:
    """The folders that were red at the last reconciliation; None if none is known."""
    table = last_metadata(instance).get(RED_FOLDERS)
    if not isinstance(table, dg.TableMetadataValue):
        return None
    return tuple(Folder.parse(str(record.data["folder"])) for record in table.records)


def _red(outcome: ReconciliationOutcome) -> list[Folder]:
    return [Folder.parse(each.folder) for each in outcome.folders if each.state == State.RED]


def orphaned_files(folders: Iterable[FolderReconciled], show_names: bool = False) -> dict[str, Any]:
    """The number of orphaned files, and the names of the first."""
    orphans = [orphan for each in folders for orphan in each.lake.orphans]
    if not orphans:
        return {"orphaned_files": 0}
    named = shown_some(orphans, _MOST_ORPHANS, show_names)
    listed = "\n".join([*named, "", "All of them: checkout-assets orphans list"])
    return {
        "orphaned_files": len(orphans),
        "orphaned_files_listed": dg.MetadataValue.text(listed),
    }


def analysts_tables(tables: Sequence[TableCompared]) -> dict[str, Any]:
    """The analysts' tables, a line each: their rows, and how many months are in which state."""
    columns = [
        *(dg.TableColumn(name, "string") for name in ("table", "state")),
        *(dg.TableColumn(name, "int") for name in (*_MONTHS, "rows", "rows_recorded")),
    ]
    records = [
        dg.TableRecord(
            {
                "table": each.table,
                "state": each.state.value if each.is_made or each.problem else "never made",
                **{name: len(each.in_state(state)) for name, state in _MONTHS.items()},
                "rows": each.rows,
                "rows_recorded": each.recorded,
            }
        )
        for each in tables
    ]
    return {"analysts_tables": dg.MetadataValue.table(records, dg.TableSchema(columns))}


def flagged(folders: Iterable[FolderReconciled]) -> dict[str, list[str]]:
    """The folders that each check warns about, by the check's name."""
    by_check: dict[str, list[str]] = {}
    for each in sorted(folders, key=lambda each: each.folder):
        for check in each.flags:
            by_check.setdefault(check, []).append(each.folder.name)
    return by_check


def red_reasons(folders: Iterable[FolderReconciled]) -> dict[str, list[str]]:
    """The folders that each reason makes red, by the reason's code."""
    by_code: dict[str, list[str]] = {}
    for each in folders:
        for cause in each.causes:
            if cause.reason.state is State.RED:
                by_code.setdefault(cause.reason.code, []).append(each.folder.name)
    return by_code


def _squares(text: str) -> dg.MarkdownMetadataValue:
    """A code block: under 1,000 characters the UI shows it without a click."""
    return dg.MetadataValue.md(f"```\n{text}\n```")
