"""No source key stands twice in a folder's tables: manifest, staged files, check."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.domain.anomalies import Severity, no_source_key_twice
from checkout_assets.domain.copying import CutOff
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.completion import ManifestPart
from spark_jobs.contract.keys import completion_record_key, manifest_part_key, staged_key
from spark_jobs.contract.manifest_parts import manifest_schema
from spark_jobs.contract.raw_keys import stands_for
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job import run as job_run
from spark_jobs.job import staging
from spark_jobs.job.plan import FolderError, FolderPlan, plan_folder
from spark_jobs.job.source_keys import SourceKeys
from spark_jobs.job.staging import Staged, StructureJob, stage_small_folder
from spark_jobs.job.writing import FolderWriter
from spark_jobs.stores import Store

Rows = list[dict[str, Any]]


def parquet(rows: Rows) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=manifest_schema()), sink)
    return sink.getvalue()


def replace_manifest(place: OrdersPlace, *parts: Rows) -> None:
    """Write these parts, and a completion record whose counts and digests fit them."""
    record = place.record()
    assert record is not None
    named = []
    for number, rows in enumerate(parts):
        data, name = parquet(rows), f"part-{number:05d}.parquet"
        place.put(manifest_part_key(FOLDER, record.copy_id, name), data, place.raw)
        digest = hashlib.sha256(data).hexdigest()
        named.append(ManifestPart(name, len(data), digest, len(rows)))
    count = sum(map(len, parts))
    record = replace(
        record,
        parts=named,
        listed=count,
        by_kind={"document": count},
        by_status={"copied": count},
        total_bytes=sum(row["size"] for rows in parts for row in rows),
    )
    place.put(completion_record_key(FOLDER), record.to_json(), place.raw)


@pytest.fixture
def copied(place: OrdersPlace) -> OrdersPlace:
    for name in ("1-01", "2-01", "odd name"):
        place.put(f"{FOLDER}/AF/id/{name}", b'{"Id": "1", "LastChange": "2018-10-31"}')
    assert place.copy_one().ok
    return place


def side_by_side(rows: Rows) -> tuple[Rows, ...]:
    return ([rows[0], *rows],)


def at_the_end(rows: Rows) -> tuple[Rows, ...]:
    return ([*rows, rows[0]],)


def in_another_part(rows: Rows) -> tuple[Rows, ...]:
    return (rows, [rows[-1]])


def under_another_raw_key(rows: Rows) -> tuple[Rows, ...]:
    return (rows[:1], [{**rows[0], "raw_key": f"{FOLDER}/AF/id/other"}])


def under_an_escaped_raw_key(rows: Rows) -> tuple[Rows, ...]:
    return (rows, [{**rows[0], "raw_key": f"{FOLDER}/AF/id/~7E"}])


def under_a_cut_raw_key(rows: Rows) -> tuple[Rows, ...]:
    return (rows, [{**rows[0], "raw_key": f"{FOLDER}/AF/id/~~{'0' * 64}"}])


@pytest.mark.parametrize(
    "plant",
    [
        side_by_side,
        at_the_end,
        in_another_part,
        under_another_raw_key,
        under_an_escaped_raw_key,
        under_a_cut_raw_key,
    ],
)
def test_a_manifest_with_a_source_key_twice_is_refused_until_the_folder_is_copied_again(
    copied: OrdersPlace, plant: Callable[[Rows], tuple[Rows, ...]]
) -> None:
    """As docs/runbook.md#source_keys_twice says."""
    replace_manifest(copied, *plant(copied.manifest()))
    with pytest.raises(FolderError, match=r"manifest part .* Copy the folder again"):
        plan_folder(copied.raw.open(), FOLDER)

    assert copied.copy_one(run_id="again").ok

    assert plan_folder(copied.raw.open(), FOLDER).keys == SourceKeys.of(
        f"{FOLDER}/AF/id/{name}" for name in ("1-01", "2-01", "odd name")
    )


@pytest.mark.parametrize(
    ("raw_key", "source_key", "stands"),
    [
        ("f/a", "f/a", True),
        ("f/a", "f/b", False),
        ("f/a~20b", "f/a b", True),
        ("f/a~20b", "f/a~20b", False),
        ("f/~/~2E", "f//.", True),
        ("f/~", "f/", True),
        (f"f/a~~{hashlib.sha256(b'f/abc').hexdigest()}", "f/abc", True),
        (f"f/a~~{hashlib.sha256(b'f/abc').hexdigest()}", "f/abd", False),
    ],
)
def test_a_raw_key_stands_for_one_source_key(raw_key: str, source_key: str, stands: bool) -> None:
    assert stands_for(raw_key, source_key) is stands


def job(place: OrdersPlace, lake: Store) -> StructureJob:
    return StructureJob(place.raw.uri, lake.uri, "run", (FOLDER,))


def end(place: OrdersPlace, lake: Store, plan: FolderPlan, staged: Staged) -> Any:
    ready = job_run._prepare(place.raw.open(), lake, job(place, lake), FOLDER)
    assert isinstance(ready, job_run._Prepared)
    ready.plan = plan
    return job_run._end(lake, job(place, lake), ready, staged)


def test_what_was_staged_is_published_with_the_number_of_its_source_keys(
    copied: OrdersPlace, lake: Store
) -> None:
    copied.put(f"{FOLDER}/AF/id/broken", b"{")
    copied.put(f"{FOLDER}/AF/id/1-01/below", b"{}")
    copied.put(f"{FOLDER}/AF/index", b"{}")
    assert copied.copy_one(run_id="more", as_of=CutOff.NOW).ok
    plan = plan_folder(copied.raw.open(), FOLDER)
    result = end(copied, lake, plan, stage_small_folder(job(copied, lake), plan))
    assert result.error == ""
    assert result.totals.source_keys == 5
    assert no_source_key_twice(result.totals).passed


def test_a_row_that_is_staged_twice_in_place_of_another_is_not_published(
    copied: OrdersPlace, lake: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counts of rows and documents are right."""
    plan = plan_folder(copied.raw.open(), FOLDER)
    first = replace(plan.slices[0], rows=1)
    monkeypatch.setattr(staging, "LINE_BYTES_HELD", 1)
    doubled = replace(plan, slices=(first, first, replace(first, first=1)))

    result = end(copied, lake, plan, stage_small_folder(job(copied, lake), doubled))

    assert "rows of other or repeated keys were staged. Nothing was published." in result.error
    assert not list(lake.list("consumable_tables/"))


@pytest.mark.parametrize("with_vanished", [True, False])
def test_keys_of_vanished_objects_count_if_they_stay(
    copied: OrdersPlace, lake: Store, with_vanished: bool
) -> None:
    copied.delete(f"{FOLDER}/AF/id/2-01")
    assert copied.copy_one(run_id="again").ok
    plan = plan_folder(copied.raw.open(), FOLDER, with_vanished=with_vanished)
    assert plan.keys.count == 2 + with_vanished


def test_a_writer_counts_the_keys_of_its_rows(lake: Store) -> None:
    writer = FolderWriter(lake, FOLDER, "run")
    lines = [b'{"id": "1", "_source_key": "a"}', b'{"id": "2", "_source_key": "b"}']
    (file,) = writer.write_days([("2018-10-31", lines)])
    assert lake.get(staged_key(FOLDER, "run", file.path))
    assert writer.keys == SourceKeys.of(["b", "a"])
    assert writer.keys != SourceKeys.of(["a", "a"])


@pytest.mark.parametrize(
    ("totals", "passed", "told"),
    [
        (StructureTotals(2, rows=2, source_keys=2), True, "2 rows of table and quarantine have 2"),
        (StructureTotals(2, rows=2), True, "Structure it again to count them."),
        (StructureTotals(3, rows=3, source_keys=2), False, "have 2 different source keys."),
        (StructureTotals(1, rows=1, source_keys=2), False, "1 row of table and quarantine has 2"),
        (
            StructureTotals(
                2,
                nested=1,
                rows=1,
                quarantined={"no_id": 1},
                vanished_rows=1,
                vanished_quarantined=1,
                source_keys=5,
            ),
            True,
            "5 rows of table and quarantine have 5 different source keys.",
        ),
    ],
)
def test_the_check_compares_source_keys_with_rows(
    totals: StructureTotals, passed: bool, told: str
) -> None:
    found = no_source_key_twice(totals)
    assert (found.passed, found.severity) == (passed, Severity.ERROR)
    assert told in found.summary
