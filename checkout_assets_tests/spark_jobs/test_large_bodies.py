"""Objects above the limit and slices that unpack to much: what a task reads and holds at a time."""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.keys import manifest_part_key
from spark_jobs.contract.limits import KEPT_BYTES
from spark_jobs.contract.manifest_parts import manifest_schema
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job import conform_slice as conforming
from spark_jobs.job import staging
from spark_jobs.job.conform_slice import conform_slice
from spark_jobs.job.plan import FolderError, FolderPlan, Slice
from spark_jobs.job.reading import ObjectReader
from spark_jobs.job.staging import StructureJob, read_slice_of_large_folder, stage_small_folder
from spark_jobs.stores import Blob, NotFoundError, Store, open_store
from spark_jobs.stores.base import Read

FOLDER = "0A_CheckoutOrder"
PART = manifest_part_key(FOLDER, "c", "part.parquet")
PETABYTE = 1024**5
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def order(number: int, **more: object) -> bytes:
    return json.dumps({"Id": f"{number:03d}", "LastChange": "2018-10-31", **more}).encode()


class SyntheticRaw:
    """A raw whose objects are made when they are read; only their starts, if they are huge."""

    uri = "synthetic"

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.bodies: dict[str, bytes] = {}
        self.starts: list[tuple[str, int]] = []

    def add(self, key: str, body: bytes, size: int = 0, **more: object) -> None:
        known = {"folder": FOLDER, "source_key": key, "raw_key": key, "kind": "document"}
        about = {"size": size or len(body), "source_etag": "s", "raw_etag": "r", "status": "copied"}
        usual = {"last_modified": WRITTEN, "storage_class": "STANDARD", "attempts": 1, "error": ""}
        self.rows.append({**usual, **known, **about, **more})
        self.bodies[key] = body

    def get(self, key: str) -> Blob:
        assert key == PART
        return Blob(self._part(), "p")

    def _part(self) -> bytes:
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(self.rows, schema=manifest_schema()), sink)
        return bytes(sink.getvalue())

    def get_start(self, key: str, length: int) -> Blob:
        self.starts.append((key, length))
        if key not in self.bodies:
            raise NotFoundError("NoSuchKey", key)
        return Blob(self.bodies[key][:length], "r")

    def read_many(self, keys: Iterable[str], in_flight: int = 64) -> Iterator[Read]:  # noqa: ARG002
        for key in keys:
            size = next(row["size"] for row in self.rows if row["raw_key"] == key)
            assert size == len(self.bodies[key]), "a huge object is read whole"
            yield key, Blob(self.bodies[key], "r")

    def piece(self) -> Slice:
        data, rows = self._part(), len(self.rows)
        part = ManifestPart("part.parquet", len(data), sha256(data).hexdigest(), rows)
        return Slice(FOLDER, "c", part, 0, 0, rows, 1)

    def conformed(self, largest: int) -> list[conforming.Conformed]:
        reader = ObjectReader(self, 64, largest)  # type: ignore[arg-type]
        return list(conform_slice(reader, self.piece(), "run", True, largest))


@pytest.fixture
def raw() -> SyntheticRaw:
    return SyntheticRaw()


class CuttingRaw(SyntheticRaw):
    """A raw behind something that ends bodies early and says that this is all."""

    def get_start(self, key: str, length: int) -> Blob:
        return super().get_start(key, length - 1)

    def read_many(self, keys: Iterable[str], in_flight: int = 64) -> Iterator[Read]:
        for key, read in super().read_many(keys, in_flight):
            yield key, replace(read, data=read.data[:-1]) if isinstance(read, Blob) else read


@pytest.mark.parametrize("largest", [1024**3, 2], ids=["read whole", "read its start"])
def test_a_body_that_arrives_with_another_length_is_no_document(largest: int) -> None:
    raw = CuttingRaw()
    raw.add("order", order(1) + b" " * KEPT_BYTES)
    with pytest.raises(FolderError, match="arrived with another length") as failed:
        raw.conformed(largest)
    assert failed.value.failure.transient


def summed(parts: Iterable[conforming.Conformed]) -> StructureTotals:
    totals = StructureTotals()
    for part in parts:
        totals = totals.plus(part.totals)
    return totals


def accounted(totals: StructureTotals) -> bool:
    return totals.documents == totals.rows + totals.quarantined_documents


def test_of_an_object_above_the_limit_only_the_start_is_read(raw: SyntheticRaw) -> None:
    raw.add("huge", b"x" * KEPT_BYTES, size=PETABYTE)
    raw.add("order", order(1))
    raw.add("nested", b"y" * KEPT_BYTES, size=PETABYTE, kind="nested")
    raw.add("gone", b"z" * KEPT_BYTES, size=PETABYTE, status="vanished")
    (part,) = raw.conformed(1024**3)
    totals = part.totals
    assert raw.starts == [(key, KEPT_BYTES) for key in ("huge", "nested", "gone")]
    assert (totals.documents, totals.rows, totals.quarantined) == (2, 1, {"too_large": 1})
    assert (totals.nested, totals.nested_too_large, totals.vanished_quarantined) == (1, 1, 1)
    assert accounted(totals)
    assert {row["reason"] for row in part.quarantine} == {"too_large"}
    assert {row["size"] for row in part.quarantine} == {PETABYTE}
    assert {row["detail"] for row in part.quarantine} == {f"size at byte {1024**3}"}


@pytest.mark.parametrize("above", [0, 1])
def test_the_limit_itself_is_read_whole(raw: SyntheticRaw, above: int) -> None:
    body = order(1)
    raw.add("order", body)
    (part,) = raw.conformed(len(body) - above)
    assert part.totals.rows == 1 - above
    assert len(raw.starts) == above


def test_an_object_above_the_limit_that_changed_or_is_gone_fails_the_folder(
    raw: SyntheticRaw,
) -> None:
    raw.add("changed", b"x", size=PETABYTE, raw_etag="another")
    raw.add("gone", b"", size=PETABYTE)
    del raw.bodies["gone"]
    with pytest.raises(FolderError, match=r"2 objects could not be read from raw \(NoSuchKey, ch"):
        raw.conformed(1024**3)


def test_what_a_slice_unpacks_to_is_handed_on_before_it_is_much(
    raw: SyntheticRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conforming, "HELD_BYTES", 10_000)
    for number in range(100):
        raw.add(f"{number:03d}", gzip.compress(order(number, Status="x" * 900)))
    raw.add("broken", b"{" * 3000)
    parts = raw.conformed(1024**3)
    assert len(parts) >= 10
    assert all(part.held < 10_000 + 4_000 for part in parts)
    totals = summed(parts)
    assert (totals.rows, totals.quarantined) == (100, {"not_json": 1})
    assert totals.decoded == {"gzip": 100}
    ids = [json.loads(line)["id"] for part in parts for line in part.lines["2018-10-31"]]
    assert ids == [f"{number:03d}" for number in range(100)]


def test_a_row_that_arrow_could_not_read_is_too_large(
    raw: SyntheticRaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conforming, "LONGEST_LINE_BYTES", 300)
    raw.add("long", order(1, Status="x" * 300))
    raw.add("short", order(2))
    (part,) = raw.conformed(1024**3)
    assert (part.totals.rows, part.totals.quarantined) == (1, {"too_large": 1})
    assert part.quarantine[0]["detail"] == "row at byte 300"


def test_decoded_text_that_is_no_order_says_so_of_the_decoded_text(raw: SyntheticRaw) -> None:
    raw.add("packed", gzip.compress(b'{"Id": "1", '))
    raw.add("twice", gzip.compress(gzip.compress(order(1))))
    raw.add("cut", gzip.compress(order(1))[:-1])
    (part,) = raw.conformed(1024**3)
    reasons = {row["source_key"]: (row["reason"], row["detail"]) for row in part.quarantine}
    assert reasons["packed"][0] == "not_json"
    assert reasons["packed"][1].endswith(" of the decoded text")
    assert reasons["twice"] == ("not_utf8", "invalid start byte at byte 1 of the decoded text")
    assert reasons["cut"][1].startswith("gzip ends too early at byte ")
    assert part.totals.decoded == {"gzip": 2}
    bodies = {row["source_key"]: row["body"] for row in part.quarantine}
    assert bodies == raw.bodies


@pytest.mark.parametrize("small", [True, False])
def test_parts_of_a_slice_never_share_a_file(
    raw: SyntheticRaw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    monkeypatch.setattr(conforming, "HELD_BYTES", 2_000)
    monkeypatch.setattr(staging, "LINE_BYTES_HELD", 5_000)
    lake = open_store(str(tmp_path / "lake"))
    stores: dict[str, Store] = {"raw": raw, "lake": lake}  # type: ignore[dict-item]
    monkeypatch.setattr(staging, "_store", lambda uri, _terms: stores[uri])
    for number in range(30):
        raw.add(f"{number:03d}", gzip.compress(order(number, Status="x" * 900)))
        raw.add(f"broken-{number}", b"{" * 700)
    job = StructureJob("raw", "lake", "run", (FOLDER,))
    staged = staged_by(job, raw, small)
    files = staged.files + staged.quarantine
    assert staged.error == ""
    assert len(staged.quarantine) > 5
    assert len({file.path for file in files}) == len(files)
    assert sum(file.rows for file in staged.quarantine) == 30
    assert sum(file.rows for file in staged.files) == (30 if small else 0)
    assert len(staged.files) > 3 or not small
    assert len(list(lake.list("_staging/"))) == len(files)
    assert accounted(staged.totals)


def staged_by(job: StructureJob, raw: SyntheticRaw, small: bool) -> staging.Staged:
    if small:
        copied = CompletionRecord(FOLDER, "c", "", "", [], {}, {}, 0, "")
        return stage_small_folder(job, FolderPlan(FOLDER, copied, (raw.piece(),), days=1))
    *lines, (_, report) = read_slice_of_large_folder(job, (0, raw.piece()))
    assert isinstance(report, staging.Staged)
    assert len(lines) > 5
    return report
