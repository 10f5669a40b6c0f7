"""Objects that are packed, encoded, too large or no orders at all, through the whole migration."""

import codecs
import gzip
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.cli.main import run
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.stores import open_store

MIB = 1024 * 1024
PACKED, JUNK, MIXED, LARGE, NEW_FIELD = (f"0{n}_CheckoutOrder" for n in range(5))
FOLDERS = [PACKED, JUNK, MIXED, LARGE, NEW_FIELD]
RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"
SECRET = b"Jane Doe"
COMMAND = [sys.executable, "-m", "checkout_assets.cli.main"]


def order(number: int, **more: object) -> bytes:
    return json.dumps(
        {"Id": f"{number}-01", "LastChange": "2018-10-31T10:00:00Z", "Status": "ação", **more},
        ensure_ascii=False,
    ).encode()


def utf_16(number: int) -> bytes:
    return codecs.BOM_UTF16_BE + order(number).decode().encode("utf-16-be")


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("order.json", order(1))
    return archive.getvalue()


class Migrated:
    """Five folders, copied and structured by one command with a limit of 1 MiB."""

    def __init__(self, place: OrdersPlace) -> None:
        self.place = place
        self._fill()
        place.copy(*FOLDERS)
        self.lake_uri = f"{place.raw.uri.replace('/copies', '')}/lake"
        self.lake = ["--lake", self.lake_uri]
        self.places = ["--raw", place.raw.uri, *self.lake]
        structured = subprocess.run(
            [*COMMAND, "structure", "--json", *self.places, *FOLDERS],
            capture_output=True,
            check=False,
        )
        self.code = structured.returncode
        self.told: dict[str, Any] = json.loads(structured.stdout)
        self.said = structured.stderr.decode()
        self.folders = {each["folder"]: each for each in self.told["folders"]}

    def _fill(self) -> None:
        place = self.place
        for number in range(20):
            key = f"{PACKED}/A/id/{number:02d}-01"
            place.put(key, gzip.compress(order(number)))
            if number < 10:
                place.client.put_object(
                    Bucket=place.source.bucket,
                    Key=place.source.prefix + key,
                    Body=gzip.compress(order(number)),
                    ContentEncoding="gzip",
                )
        for number in range(20, 25):
            place.put(f"{PACKED}/A/id/{number:02d}-01", utf_16(number))
        place.put(f"{JUNK}/A/id/1-01", zipped())
        place.put(f"{JUNK}/A/id/2-01", gzip.compress(order(2))[:-4])
        place.put(f"{JUNK}/A/id/2-01/history", order(2))
        for number in range(25):
            place.put(f"{MIXED}/A/id/{number:02d}-01", order(number) if number < 5 else b"{}")
            more = {"loyaltyTier": number} if number < 20 else {}
            place.put(f"{NEW_FIELD}/A/id/{number:02d}-01", order(number, **more))
        place.put(f"{LARGE}/A/id/1-01", order(1))
        place.put(f"{LARGE}/A/id/2-01", SECRET + bytes(3 * MIB))
        place.put(f"{LARGE}/A/id/3-01", gzip.compress(b"[]" + b" " * 2 * MIB))
        place.put(f"{LARGE}/A/id/1-01/history", bytes(2 * MIB))
        place.put(f"{LARGE}/A/id/1-01/small", b"{}")

    def rows(self, prefix: str) -> list[dict[str, Any]]:
        lake = open_store(self.lake_uri)
        return [
            row
            for entry in lake.list(prefix)
            for row in pq.read_table(pa.BufferReader(lake.get(entry.key).data)).to_pylist()
        ]

    def totals(self, folder: str) -> dict[str, Any]:
        totals: dict[str, Any] = self.folders[folder]["totals"]
        return totals


@pytest.fixture(scope="module")
def migrated(
    s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migrated]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        patch.setenv("CHECKOUT_LARGEST_BODY_BYTES", str(MIB))
        yield Migrated(OrdersPlace(tmp_path_factory.mktemp("place")))


def reconciled(
    migrated: Migrated, capture: pytest.CaptureFixture[str], *folders: str
) -> tuple[int, dict[str, Any]]:
    code = run(["reconcile", "--json", *migrated.places, *folders])
    return code, json.loads(capture.readouterr().out)


def test_packed_and_encoded_documents_become_rows_and_are_counted(migrated: Migrated) -> None:
    totals = migrated.totals(PACKED)
    assert (totals["documents"], totals["rows"], totals["quarantined"]) == (25, 25, {})
    assert totals["decoded"] == {"gzip": 20, "utf-16": 5}
    assert migrated.folders[PACKED]["ok"]
    ours = [row for row in migrated.rows("consumable_tables/") if row["_folder"] == PACKED]
    assert {row["id"] for row in ours} == {f"{number}-01" for number in range(25)}
    assert {row["status"] for row in ours} == {"ação"}


def test_raw_keeps_the_bytes_as_they_were(migrated: Migrated) -> None:
    assert gzip.decompress(migrated.place.get(f"{PACKED}/A/id/00-01")["bytes"]) == order(0)
    assert migrated.place.get(f"{PACKED}/A/id/20-01")["bytes"] == utf_16(20)


def test_a_packed_folder_is_complete(
    migrated: Migrated, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = reconciled(migrated, capsys, PACKED)
    assert (code, told["complete"]) == (0, True)


def test_a_folder_without_one_order_is_a_failure_whose_quarantine_can_be_read(
    migrated: Migrated, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (migrated.code, migrated.told["complete"]) == (1, False)
    sentence = (
        f"{JUNK}: 2 of 2 documents are in quarantine (not_utf8), so the folder is not structured. "
        "See docs/runbook.md#all_documents_quarantined."
    )
    assert (migrated.folders[JUNK]["ok"], migrated.folders[JUNK]["error"]) == (False, sentence)
    assert sentence in migrated.said.splitlines()

    assert run(["quarantine", "list", "--json", *migrated.lake, JUNK]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["totals"]["by_reason"] == {"nested_under_id": 1, "not_utf8": 2}
    code, told = reconciled(migrated, capsys, JUNK)
    (folder,) = told["folders"]
    assert (code, folder["state"]) == (1, "red")
    assert folder["causes"][0]["reason"] == "all_documents_quarantined"


def test_too_many_documents_in_quarantine_are_an_error_until_the_setting_allows_them(
    migrated: Migrated, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = migrated.folders[MIXED]
    assert (mixed["ok"], mixed["errors"]) == (False, ["quarantine_share_acceptable"])
    assert mixed["error"].startswith(f"{MIXED}: 20 of 25 documents are in quarantine, more than")
    assert mixed["error"] in migrated.said.splitlines()
    code, told = reconciled(migrated, capsys, MIXED)
    reasons = [cause["reason"] for cause in told["folders"][0]["causes"]]
    assert (code, reasons[0]) == (1, "quarantine_share_exceeded")

    for name, value in (("SHARE", "0.8"), ("LEAST", "21")):
        with monkeypatch.context() as patch:
            patch.setenv(f"CHECKOUT_QUARANTINE_{name}", value)
            code, told = reconciled(migrated, capsys, MIXED)
            assert (code, told["folders"][0]["state"]) == (0, "yellow")


def test_too_many_rows_with_rescued_values_are_an_error_until_the_setting_allows_them(
    migrated: Migrated, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drifted = migrated.folders[NEW_FIELD]
    assert (drifted["ok"], drifted["errors"]) == (False, ["rescue_share_acceptable"])
    assert drifted["error"].startswith(f"{NEW_FIELD}: 20 of 25 rows have values without a column")
    code, told = reconciled(migrated, capsys, NEW_FIELD)
    reasons = [cause["reason"] for cause in told["folders"][0]["causes"]]
    assert (code, reasons[0]) == (1, "rescue_share_exceeded")

    for name, value in (("SHARE", "0.8"), ("LEAST", "21")):
        with monkeypatch.context() as patch:
            patch.setenv(f"CHECKOUT_RESCUE_{name}", value)
            code, told = reconciled(migrated, capsys, NEW_FIELD)
            assert (code, told["folders"][0]["state"]) == (0, "yellow")


def test_the_query_of_the_runbook_names_the_new_field(migrated: Migrated) -> None:
    section = RUNBOOK.read_text().partition("## rescue_share_acceptable")[2]
    query = section.partition("```sql\n")[2].partition("```")[0]
    rows = [row for row in migrated.rows("consumable_tables/") if row["_folder"] == NEW_FIELD]
    checkout = pa.table({name: [row[name] for row in rows] for name in ("_folder", "_rescued")})
    with duckdb.connect() as connection:
        connection.register("checkout", checkout)
        found = connection.execute(query.replace("00_CheckoutOrder", NEW_FIELD)).fetchall()
    assert found == [("/loyaltyTier", 20)]


def test_objects_above_the_limit_leave_their_folder_complete(
    migrated: Migrated, capsys: pytest.CaptureFixture[str]
) -> None:
    totals = migrated.totals(LARGE)
    assert migrated.folders[LARGE]["ok"]
    assert (totals["documents"], totals["rows"], totals["nested"]) == (3, 1, 2)
    assert totals["quarantined"] == {"too_large": 2}
    assert totals["total_bytes"] < 3 * MIB
    assert reconciled(migrated, capsys, LARGE)[0] == 0

    kept = {row["source_key"].partition("/id/")[2]: row for row in migrated.rows("quarantine/")}
    assert {name: kept[name]["reason"] for name in ("1-01/history", "1-01/small")} == {
        "1-01/history": "too_large",
        "1-01/small": "nested_under_id",
    }
    cut = kept["2-01"]
    assert (cut["size"], cut["detail"]) == (3 * MIB + len(SECRET), f"size at byte {MIB}")
    assert cut["body"] == SECRET + bytes(MIB - len(SECRET))
    assert kept["3-01"]["body"] == migrated.place.get(f"{LARGE}/A/id/3-01")["bytes"]


def test_show_says_that_a_body_is_cut_and_where_the_whole_is(
    migrated: Migrated, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "start"
    shown = ["quarantine", "show", *migrated.lake, LARGE]
    assert run([*shown, f"{LARGE}/A/id/2-01", "--body", str(file)]) == 0
    assert file.stat().st_size == MIB
    said = capsys.readouterr().out
    assert f"only the first 1,048,576 of {3 * MIB + len(SECRET):,} bytes" in said
    assert "raw" in said

    assert run([*shown, f"{LARGE}/A/id/3-01"]) == 0
    assert "only the first" not in capsys.readouterr().out
    assert run([*shown, f"{LARGE}/A/id/2-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept_bytes"] == MIB


def test_a_higher_limit_and_a_retry_read_what_was_too_large(
    migrated: Migrated, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHECKOUT_LARGEST_BODY_BYTES", str(4 * MIB))
    words = ["quarantine", "retry", "--json", *migrated.places, "--reason", "too_large"]
    assert run([*words, LARGE]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["before"] == {LARGE: {"nested_under_id": 1, "too_large": 3}}
    assert told["after"] == {LARGE: {"nested_under_id": 2, "not_json": 1, "too_large": 1}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LARGEST_BODY_BYTES", "1048575"),
        ("LARGEST_BODY_BYTES", "1073741825"),
        ("QUARANTINE_SHARE", "5"),
        ("QUARANTINE_SHARE", "nan"),
        ("QUARANTINE_LEAST", "0"),
        ("RESCUE_SHARE", "20"),
        ("RESCUE_LEAST", "0"),
    ],
)
def test_a_wrong_limit_is_one_line_and_exit_2(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"CHECKOUT_{name}", value)
    assert run(["structure", "--raw", "s3://raw/r", "--lake", "s3://lake/l", PACKED]) == 2
    assert capsys.readouterr().err.startswith(f"Error: CHECKOUT_{name} is wrong:")
