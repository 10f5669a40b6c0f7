"""Records as the program wrote them before: they load whole, and none of a later format does."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.domain.access.grants import GrantRecord, LaterGrantError
from checkout_assets.domain.alerts.state import AlertState
from checkout_assets.domain.compaction.contents import MonthRecord
from checkout_assets.domain.reporting.listings import KeptListings
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome
from checkout_assets.domain.reporting.scheduled_repairs import RepairState
from checkout_assets.engines.copying.cutoff import KeptCutOff
from checkout_assets.engines.copying.recorded import recorded_rows
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import manifest_part_key
from spark_jobs.contract.months import MonthPlan, MonthResult
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.record_format import LaterFormatError, read_record, write_record
from spark_jobs.contract.results import FolderStructured
from spark_jobs.stores import LocalStore

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = Path(__file__).parent / "earlier_records" / "format_1"
"""By the program of November 2026, one of each kind; the part is the completion record's."""


def read_cut_off(data: bytes) -> KeptCutOff:
    return read_record(KeptCutOff, data)


def read_outcome(data: bytes) -> ReconciliationOutcome:
    return read_record(ReconciliationOutcome, data)


def read_repair_state(data: bytes) -> RepairState:
    return read_record(RepairState, data)


def read_listings(data: bytes) -> KeptListings:
    return read_record(KeptListings, data)


def read_alert_state(data: bytes) -> AlertState:
    return read_record(AlertState, data)


def read_month(data: bytes) -> MonthRecord:
    return read_record(MonthRecord, data)


READERS: dict[str, Callable[[bytes], Any]] = {
    "completion": CompletionRecord.from_json,
    "publication": PublicationRecord.from_json,
    "publishing": PublicationRecord.from_json,
    "result": FolderStructured.from_json,
    "failed_result": FolderStructured.from_json,
    "grant": GrantRecord.from_json,
    "cut_off": read_cut_off,
    "reconciliation": read_outcome,
    "scheduled_repairs": read_repair_state,
    "listings": read_listings,
    "alerts": read_alert_state,
    "month": read_month,
    "month_with_digest": read_month,
    "month_plan": MonthPlan.from_json,
    "month_result": MonthResult.from_json,
    "month_result_with_digest": MonthResult.from_json,
    "failed_month_result": MonthResult.from_json,
}


NOT_KEPT = {"_Kept"}
"""The proof in Dagster's metadata, of which an entry that cannot be read proves nothing."""


def kinds_of_records() -> set[str]:
    """The classes of the product that say the version of their format."""
    return {
        node.name
        for top in ("checkout_assets", "spark_jobs")
        for path in (ROOT / top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and says_its_version(node)
    }


def says_its_version(node: ast.ClassDef) -> bool:
    """A protocol declares the version without a value."""
    return any(
        isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and each.target.id == "FORMAT_VERSION"
        and each.value is not None
        for each in node.body
    )


def written(name: str) -> bytes:
    return WRITTEN.joinpath(f"{name}.json").read_bytes()


def test_there_is_a_reader_for_each_kind() -> None:
    assert {path.stem for path in WRITTEN.glob("*.json")} == set(READERS)


def test_there_is_a_sample_of_each_kind() -> None:
    samples = {type(READERS[name](written(name))).__name__ for name in READERS}
    assert samples | NOT_KEPT == kinds_of_records()


@pytest.mark.parametrize("name", READERS)
def test_nothing_of_a_record_is_lost_when_it_is_read_and_written_again(name: str) -> None:
    before = json.loads(written(name))

    now = json.loads(write_record(READERS[name](written(name))))

    totals_before, totals_now = before.pop("totals", {}), now.get("totals", {})
    assert {**totals_now, **totals_before} == totals_now
    assert {**now, **before} == now


@pytest.mark.parametrize("directory", [WRITTEN, WRITTEN.parent])
def test_a_completion_record_of_before_says_its_run_by_its_copy_id(directory: Path) -> None:
    before = directory.joinpath("completion.json").read_bytes()
    assert "run_id" not in json.loads(before)
    assert CompletionRecord.from_json(before).run_id == "cli-0a1b2c3d"


@pytest.mark.parametrize("name", READERS)
def test_a_record_of_the_next_format_is_refused_and_says_to_upgrade(name: str) -> None:
    fields = json.loads(written(name))
    fields["format_version"] += 1
    with pytest.raises((LaterFormatError, LaterGrantError)) as caught:
        READERS[name](json.dumps(fields).encode())
    assert "was written by a later version of checkout-assets (format 2;" in str(caught.value)


def test_the_manifest_that_a_record_names_is_read(tmp_path: Path) -> None:
    record = CompletionRecord.from_json(written("completion"))
    raw = LocalStore(tmp_path)
    (part,) = record.parts
    key = manifest_part_key(record.folder, record.copy_id, part.name)
    raw.put(key, WRITTEN.joinpath(part.name).read_bytes())

    rows = [row for _, row in recorded_rows(raw, record)]

    assert len(rows) == part.rows == 7
    statuses = [row.status for row in rows]
    assert {each: statuses.count(each) for each in statuses} == record.by_status
    assert sum(row.size for row in rows if row.status != "vanished") == record.total_bytes
    assert str(rows[0].last_modified) == "2026-01-30 08:15:00.250000+00:00"
