"""``checkout-assets quarantine`` as people use it, on a lake that was really structured."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import OrdersPlace

FOLDER, NEIGHBOUR, NEVER = "0A_CheckoutOrder", "0B_FulfillmentOrder", "0C_CheckoutOrder"
HOSTILE = f"{FOLDER}/A/id/\x1b]0;jane.doe@example.com\x07\u202egnp"
BODY = b'{"Id": "1", "customer": "Jane Doe", \xff'
ORDER = b'{"Id": "2-01", "LastChange": "2018-10-31T10:00:00Z"}'
UNDATED = b'{"Id": "2-01"}'


class Migrated:
    """Two structured folders: one holds three objects that are no orders, the other one such.

    Each has an order as well, for a folder without one is a failure.
    """

    def __init__(self, place: OrdersPlace) -> None:
        self.place = place
        place.put(HOSTILE, BODY)
        place.put(f"{FOLDER}/A/id/2-01", UNDATED)
        place.put(f"{FOLDER}/A/id/2-01/history", ORDER)
        place.put(f"{FOLDER}/A/id/3-01", ORDER)
        place.put(f"{NEIGHBOUR}/A/id/4-01", b"[]")
        place.put(f"{NEIGHBOUR}/A/id/5-01", ORDER)
        place.copy(FOLDER, NEIGHBOUR)
        self.lake = ["--lake", f"{place.raw.uri.replace('/copies', '')}/lake"]
        self.places = ["--raw", place.raw.uri, *self.lake]
        assert run(["structure", *self.places, FOLDER, NEIGHBOUR]) == 0


@pytest.fixture(scope="module")
def migrated(
    s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migrated]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        yield Migrated(OrdersPlace(tmp_path_factory.mktemp("place")))


@pytest.fixture
def cli(migrated: Migrated, capfdbinary: pytest.CaptureFixture[bytes]) -> "Cli":
    return Cli(migrated, capfdbinary)


class Cli:
    """Runs ``quarantine`` on the lake; everything printed is kept as bytes."""

    def __init__(self, migrated: Migrated, capture: pytest.CaptureFixture[bytes]) -> None:
        self._migrated, self._capture = migrated, capture
        self.out, self.err = b"", b""

    def __call__(self, command: str, *words: str, lake: Sequence[str] | None = None) -> int:
        self._capture.readouterr()
        places = self._migrated.lake if lake is None else lake
        code = run(["quarantine", command, *places, *words])
        self.out, self.err = self._capture.readouterr()
        return code

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()


def digest_of(cli: Cli, reason: str) -> str:
    assert cli("list", "--objects", FOLDER) == 0
    return next(m[1] for line in cli.lines if (m := re.match(rf"  ([0-9a-f]+)  {reason} ", line)))


def test_list_counts_by_folder_and_reason(cli: Cli) -> None:
    assert cli("list") == 0

    assert [line.split() for line in cli.lines[:4]] == [
        [FOLDER, "nested_under_id", "1"],
        [FOLDER, "no_date", "1"],
        [FOLDER, "not_utf8", "1"],
        [NEIGHBOUR, "not_an_object", "1"],
    ]
    assert cli.lines[4] == "4 objects in the quarantine of 2 of 2 structured folders."
    assert b"jane.doe" not in cli.out + cli.err


def test_objects_are_masked_and_displayable_only_when_names_are_asked_for(cli: Cli) -> None:
    assert cli("list", "--objects", FOLDER) == 0
    assert b"jane.doe" not in cli.out
    assert f"{FOLDER}/[object ".encode() in cli.out

    assert cli("list", "--objects", "--show-names", FOLDER) == 0
    assert b"jane.doe" in cli.out
    assert b"\x1b" not in cli.out
    assert "\u202e".encode() not in cli.out
    assert b"\\u{1B}]0;jane.doe@example.com\\u{7}\\u{202E}gnp" in cli.out


def test_list_is_one_json_document(cli: Cli) -> None:
    assert cli("list", "--json", "--objects", FOLDER, NEVER) == 1

    told = json.loads(cli.out)
    assert (told["command"], told["complete"]) == ("quarantine list", False)
    assert told["totals"]["by_reason"] == {"nested_under_id": 1, "no_date": 1, "not_utf8": 1}
    assert [folder["structured"] for folder in told["folders"]] == [True, False]
    assert len(told["folders"][0]["objects"]) == 3
    assert b"jane.doe" not in cli.out
    assert b"Jane Doe" not in cli.out
    assert cli.err.decode() == f"{NEVER} was never structured, so it has no quarantine.\n"


def test_show_tells_why_and_never_the_bytes(cli: Cli) -> None:
    digest = digest_of(cli, "not_utf8")

    for named in (digest, HOSTILE):
        assert cli("show", FOLDER, named) == 0
        told = dict(line.split(maxsplit=1) for line in cli.lines if line)
        assert (told["reason"], told["size"]) == ("not_utf8", str(len(BODY)))
        assert told["detail"].startswith("invalid start byte at byte ")
        assert told["object"].startswith(f"{FOLDER}/[object ")
        assert b"Jane Doe" not in cli.out + cli.err
        assert b"jane.doe" not in cli.out + cli.err


def test_the_bytes_come_unchanged_and_only_on_request(cli: Cli, tmp_path: Path) -> None:
    digest, file = digest_of(cli, "not_utf8"), tmp_path / "order.json"

    assert cli("show", FOLDER, digest, "--body", "-") == 0
    assert cli.out == BODY
    assert b"not_utf8" in cli.err

    assert cli("show", FOLDER, digest, "--json", "--body", str(file)) == 0
    assert file.read_bytes() == BODY
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(cli.out)["reason"] == "not_utf8"
    assert b"Jane Doe" not in cli.out + cli.err

    assert cli("show", FOLDER, digest, "--body", str(file)) == 2
    assert b"(file exists): name a new file." in cli.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "0A_Checkout"], "did you mean 0A_CheckoutOrder?"),
        (["list", "--lake", "/no/such/place"], "The lake /no/such/place does not exist."),
        (["list", "--lake", "s3://no-such-bucket-here/x"], "the bucket does not exist"),
        (["list", "--lake", ""], "No lake was given"),
        (["show", FOLDER, "00000000"], "holds no such object"),
        (["show", FOLDER, "\x1b[2J"], "holds no such object"),
        (["show", FOLDER], "Missing argument 'OBJECT'"),
        (
            ["retry", "--raw", "s3://x-y-z/r", "--reason", "not\x1b"],
            '"not\\u{1B}" is not a quarantine reason',
        ),
        (["retry", "--raw", ""], "No raw was given"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(cli: Cli, words: list[str], said: str) -> None:
    assert cli(*words) == 2

    assert cli.out == b""
    assert said in cli.err.decode()
    assert cli.err.startswith(b"Error: ")
    assert cli.err.count(b"\n") == 1
    assert b"\x1b" not in cli.err


def test_one_standard_output_is_not_for_two(cli: Cli) -> None:
    assert cli("show", FOLDER, "00000000", "--json", "--body", "-") == 2
    told = json.loads(cli.out)
    assert told["complete"] is False
    assert "both want standard output" in told["error"]
    assert cli.err.startswith(b"Error: ")


def test_a_named_folder_that_was_never_structured_is_exit_1(cli: Cli) -> None:
    assert cli("list", FOLDER, NEVER) == 1
    assert cli.err.decode() == f"{NEVER} was never structured, so it has no quarantine.\n"
    assert cli("show", NEVER, "00000000") == 1
    assert cli.err.decode() == f"Error: {NEVER} was never structured, so it has no quarantine.\n"


def test_a_lake_in_which_nothing_is_structured_is_exit_1(cli: Cli, tmp_path: Path) -> None:
    assert cli("list", lake=["--lake", str(tmp_path)]) == 1
    assert cli.err == b"No folder is structured in this lake: is it the right one?\n"


def test_retry_structures_anew_only_folders_of_that_reason_and_tells_the_change(
    cli: Cli, migrated: Migrated
) -> None:
    """The document was mended at the source and copied; what else is quarantined stays so."""
    assert cli("list", "--json") == 0
    runs = {each["folder"]: each["run_id"] for each in json.loads(cli.out)["folders"]}
    raw = ["--raw", migrated.place.raw.uri]
    assert cli("retry", *raw, "--reason", "not_json") == 0
    assert cli.lines == ["Structured 0 folders with such objects again."]

    migrated.place.put(f"{FOLDER}/A/id/2-01", ORDER)
    places = ["--source", migrated.place.source.uri, *raw]
    assert run(["copy", *places, "--as-of", "now", FOLDER]) == 0
    assert cli("retry", *raw, "--reason", "no_date") == 0

    assert cli.lines == [
        "Structured 1 folder with such objects again.",
        "nested_under_id: 1 before, 1 now.",
        "no_date: 1 before, 0 now.",
        "not_utf8: 1 before, 1 now.",
    ]
    assert cli("list", "--json") == 0
    now = {each["folder"]: each["run_id"] for each in json.loads(cli.out)["folders"]}
    assert {folder for folder in runs if now[folder] != runs[folder]} == {FOLDER}


def test_a_retry_that_fails_is_exit_1_and_changes_nothing(cli: Cli, migrated: Migrated) -> None:
    record = migrated.place.get(f"_manifests/{NEIGHBOUR}/current.json")["bytes"]
    migrated.place.delete(f"_manifests/{NEIGHBOUR}/current.json", migrated.place.raw)
    try:
        code = cli("retry", "--raw", migrated.place.raw.uri, "--json", NEIGHBOUR)
    finally:
        migrated.place.put(f"_manifests/{NEIGHBOUR}/current.json", record, migrated.place.raw)

    told = json.loads(cli.out)
    assert (code, told["command"], told["complete"]) == (1, "quarantine retry", False)
    assert told["before"] == told["after"] == {NEIGHBOUR: {"not_an_object": 1}}
    assert cli.err.decode().splitlines()[-1].startswith(f"{NEIGHBOUR} was not copied")


def test_as_a_process_the_bytes_are_all_of_standard_output(migrated: Migrated) -> None:
    command = [sys.executable, "-m", "checkout_assets.cli.main", "quarantine", "show"]
    shown = subprocess.run(
        [*command, *migrated.lake, FOLDER, HOSTILE, "--body", "-"],
        capture_output=True,
        check=True,
    )
    assert shown.stdout == BODY
