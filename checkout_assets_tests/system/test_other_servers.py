"""The whole migration on S3 servers that others wrote: moto's, and in its own target SeaweedFS.

What a server cannot do stands in ``other_servers`` and is tested here too, so that it shows when a
later release can.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from checkout_assets.cli.main import run
from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.folders import select_folders
from checkout_assets.engines.locations import S3Location, parse_location
from checkout_assets.engines.structuring.spark_engine import LocalSparkEngine
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.other_servers import OtherServer, moto, seaweedfs
from checkout_assets_tests.spark_sessions import local_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NEIGHBOUR = "0B_CheckoutOrder"
HOSTILE = (
    "..",
    "x/..",
    "x/./y",
    "x//y",
    "ends in a slash/",
    "back\\slash",
    "new\nline",
    "tab\tand \x01",
    "+plus",
    "a blank",
    "a%2Fb",
    "a&b<c>\"d'",
    "a#b?c=d;e",
    "*?[x]{y}:$(z)",
    "caf\u00e9",
    "cafe\u0301",
    "\U0001f600",
    "~tilde",
    "_led",
    ".led",
)
SERVERS = [
    pytest.param(moto, id="moto"),
    pytest.param(seaweedfs, id="seaweedfs", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[OtherServer]:
    running: AbstractContextManager[OtherServer] = request.param()
    with running as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def place(server: OtherServer, tmp_path: Path) -> OrdersPlace:
    """Fresh buckets on the server."""
    return OrdersPlace(tmp_path)


@pytest.fixture(scope="module")
def spark(server: OtherServer) -> "Iterator[SparkSession]":
    with local_session("local[2]") as session:
        yield session


def order(number: int, day: str = "2018-10-31", status: str = "new") -> bytes:
    return json.dumps(
        {"Id": f"{number}-01", "LastChange": f"{day}T10:00:00Z", "Status": status}
    ).encode()


@dataclass
class Migration:
    """The commands, on one source, raw and lake of a server."""

    place: OrdersPlace
    spark: "SparkSession"
    capture: pytest.CaptureFixture[str]

    @property
    def lake(self) -> str:
        return f"s3://{self.place.raw.bucket}/lake"

    def told(self, *words: str) -> tuple[int, dict[str, Any]]:
        code = run([*words, "--json"])
        return code, json.loads(self.capture.readouterr().out)

    def copy(self) -> tuple[int, dict[str, int]]:
        """The exit code, and how many objects of both folders became what."""
        places = ["--source", self.place.source.uri, "--raw", self.place.raw.uri]
        code, told = self.told("copy", *places, "--as-of", "now", FOLDER, NEIGHBOUR)
        counts = {
            status: sum(folder[status] for folder in told["folders"])
            for status in ("copied", "present", "failed", "vanished")
        }
        return code, {status: count for status, count in counts.items() if count}

    def structure(self, run_id: str) -> list[str]:
        lake = parse_location(self.lake, "lake")
        engine = LocalSparkEngine(self.place.raw, lake, lambda: self.spark)
        folders = select_folders([FOLDER, NEIGHBOUR])
        return [each.error for each in engine.run(folders, run_id) if each.error]

    def reconcile(self) -> tuple[int, list[str]]:
        places = ["--source", self.place.source.uri, "--raw", self.place.raw.uri]
        code, told = self.told(
            "reconcile", *places, "--lake", self.lake, "--deep", FOLDER, NEIGHBOUR
        )
        return code, [folder["state"] for folder in told["folders"]]

    def rows(self) -> list[tuple[Any, ...]]:
        """Id, day and status of each row of the table, as a reader finds them."""
        lake = S3Location(self.place.raw.bucket, "lake/").open()
        directory = self.place.lake.path / secrets.token_hex(4)
        for entry in lake.list("consumable_tables/"):
            file = directory / entry.key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(lake.get(entry.key).data)
        query = f"SELECT id, DAY, status FROM read_parquet('{directory}/**/*.parquet') ORDER BY ALL"
        return duckdb.sql(query).fetchall()


@pytest.fixture
def migration(
    place: OrdersPlace, spark: "SparkSession", capsys: pytest.CaptureFixture[str]
) -> Migration:
    return Migration(place, spark, capsys)


def test_the_whole_migration(migration: Migration) -> None:
    place = migration.place
    for number in range(8):
        folder = FOLDER if number < 6 else NEIGHBOUR
        place.put(f"{folder}/A/id/{number}-01", order(number))
    place.put(f"{FOLDER}/A/id/none-01", b"no order")
    place.put(f"{FOLDER}/A/id/gone-01/history", b"{}")

    assert migration.copy() == (0, {"copied": 10})
    assert migration.copy() == (0, {"present": 10})
    assert migration.structure("first") == []
    assert migration.reconcile() == (0, ["yellow", "green"])
    assert migration.rows() == [(f"{number}-01", 31, "new") for number in range(8)]

    place.put(f"{FOLDER}/A/id/1-01", order(1, "2018-10-30", "changed"))
    place.delete(f"{FOLDER}/A/id/2-01")
    assert migration.copy() == (0, {"copied": 1, "present": 8, "vanished": 1})
    assert migration.structure("second") == []
    assert migration.structure("second") == []
    assert migration.reconcile() == (0, ["yellow", "green"])
    kept = [(f"{number}-01", 31, "new") for number in range(8) if number != 1]
    assert migration.rows() == sorted([*kept, ("1-01", 30, "changed")])

    code, told = migration.told("quarantine", "list", "--lake", migration.lake, FOLDER)
    assert (code, told["totals"]["by_reason"]) == (0, {"nested_under_id": 1, "not_json": 1})


def test_every_name_that_the_server_keeps_arrives_with_its_bytes(
    server: OtherServer, place: OrdersPlace
) -> None:
    refused = {name for name in HOSTILE if not put(place, name)}
    listed = set(place.keys(f"{FOLDER}/A/id/", place.source))
    whole = {name: f"{FOLDER}/A/id/{name}" for name in HOSTILE}
    assert refused == server.refused
    assert {n for n in HOSTILE if whole[n] not in listed} == server.refused | server.renamed
    for name in server.uncopyable:
        place.delete(whole[name])

    copied = place.copy_one()

    assert copied.ok, copied.error
    kept = set(HOSTILE) - server.refused - server.renamed - server.uncopyable
    raw_keys = {row["source_key"]: row["raw_key"] for row in place.manifest()}
    assert {n for n in HOSTILE if whole[n] in raw_keys} == kept
    for name in kept:
        assert place.get(raw_keys[whole[name]])["bytes"] == name.encode()
    assert place.copy_one(run_id="again").facts.by_status == {"present": len(raw_keys)}


def put(place: OrdersPlace, name: str) -> bool:
    try:
        place.put(f"{FOLDER}/A/id/{name}", name.encode())
    except ClientError:
        return False
    return True


def test_an_object_that_the_server_lists_and_does_not_find_fails_loudly(
    server: OtherServer, place: OrdersPlace
) -> None:
    place.put(f"{FOLDER}/A/id/1-01")
    for name in server.uncopyable:
        place.put(f"{FOLDER}/A/id/{name}", b"more than nothing")

    copied = place.copy_one()

    assert copied.ok == (not server.uncopyable)
    assert ("S3 lists it unchanged, but" in copied.error) == bool(server.uncopyable)


def test_an_object_whose_key_is_a_directory_for_the_server_fails_loudly(
    server: OtherServer, place: OrdersPlace
) -> None:
    place.put(f"{FOLDER}/A/id/1-01")
    place.put(f"{FOLDER}/A/id/2-01/history")
    assert place.copy_one().ok
    place.put(f"{FOLDER}/A/id/2-01")

    copied = place.copy_one(run_id="2", as_of=CutOff.NOW)

    assert copied.ok == (not server.has_directories)
    told = "S3 lists its place in raw unchanged, but answers that it has changed" in copied.error
    assert told == server.has_directories


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_pages_may_hold_as_little_as_one_key(
    server: OtherServer, place: OrdersPlace, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Only moto's pages can be made smaller; SeaweedFS's hold 1,000 each time."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(page))
    keys = [f"{FOLDER}/A/id/{number:02}-01" for number in range(13)]
    for key in keys:
        place.put(key)

    assert place.copy_one().facts.by_status == {"copied": 13}
    assert [row["source_key"] for row in place.manifest()] == keys


def test_a_versioned_source_is_read_by_its_current_versions(place: OrdersPlace) -> None:
    place.client.put_bucket_versioning(
        Bucket=place.source.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    keys = [f"{FOLDER}/A/id/{number}-01" for number in range(4)]
    for key in keys:
        place.put(key, b"first")
        place.put(key, b"second")
    place.delete(keys[0])

    assert place.copy_one().facts.by_status == {"copied": 3}
    place.delete(keys[1])
    place.put(keys[2], b"third")
    again = place.copy_one(run_id="2", as_of=CutOff.NOW)

    assert again.ok, again.error
    assert place.statuses() == {keys[1]: "vanished", keys[2]: "copied", keys[3]: "present"}
    assert [place.get(key)["bytes"] for key in keys[1:]] == [b"second", b"third", b"second"]


def test_objects_in_parts_are_copied_whole_or_in_parts(place: OrdersPlace) -> None:
    whole, parts = f"{FOLDER}/A/id/1-01", f"{FOLDER}/A/id/2-01"
    place.put_in_parts(whole, b"1")
    place.put_in_parts(parts, b"22")

    assert place.copy_one(largest_copy=1).facts.by_status == {"copied": 2}
    assert [place.get(key)["bytes"] for key in (whole, parts)] == [b"1", b"22"]
    assert place.get(parts)["ContentType"] == place.get(parts, place.source)["ContentType"]
    assert place.copy_one(run_id="2", largest_copy=1).facts.by_status == {"present": 2}


def test_buckets_may_have_dots_in_their_names(place: OrdersPlace) -> None:
    dotted = S3Location(f"{place.raw.bucket}.with.dots", "deep/er/")
    place.client.create_bucket(
        Bucket=dotted.bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    place.put(f"{FOLDER}/A/id/1-01", b"1")
    place.raw = dotted
    assert place.copy_one().ok
    assert place.get(f"{FOLDER}/A/id/1-01")["bytes"] == b"1"


def test_whether_a_copy_on_condition_of_its_source_is_refused(
    server: OtherServer, place: OrdersPlace
) -> None:
    place.put("key")
    source = f"{place.source.bucket}/{place.source.prefix}key"
    answer = (
        place.raw.open()
        .crt()
        .send(
            "PUT",
            place.raw.bucket,
            "copied",
            [("x-amz-copy-source", source), ("x-amz-copy-source-if-match", f'"{"0" * 32}"')],
        )
    )
    refused = type(answer.exception()).__name__ == "ConflictError"
    assert refused == server.checks_source


def test_a_wrong_secret_is_refused_in_one_line(
    server: OtherServer,
    place: OrdersPlace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place.put(f"{FOLDER}/A/id/1-01")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")

    code = run(["copy", "--source", place.source.uri, "--raw", place.raw.uri, FOLDER])

    lines = capsys.readouterr().err.strip().splitlines()
    said = "the secret access key does not belong to the access key"
    refused = (code, len(lines), said in lines[0]) == (2, 1, True)
    assert refused == server.checks_signatures
    assert refused or code == 0
