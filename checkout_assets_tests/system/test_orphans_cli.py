"""``checkout-assets orphans`` and what ``reconcile`` and ``structure`` say of orphaned files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from checkout_assets.cli.main import run
from checkout_assets.engines.locations import parse_location
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.keys import publication_record_key, table_file_key
from spark_jobs.stores import Store

ORDER = b'{"Id": "1-01", "LastChange": "2018-10-31T10:00:00Z"}'
NEIGHBOUR = "0B_CheckoutOrder"
DAY = "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/"
STRANGE = f"{DAY}{FOLDER}.jane-doe\x1b.0.parquet"


@dataclass
class Cli:
    """Runs commands on one lake and keeps what they print."""

    lake: str
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def __call__(self, command: str, *words: str, places: Sequence[str] = ()) -> int:
        self.capture.readouterr()
        code = run([*command.split(), "--lake", self.lake, *places, *words])
        self.out, self.err = self.capture.readouterr()
        return code

    @property
    def store(self) -> Store:
        return parse_location(self.lake, "lake").open()


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory) -> OrdersPlace:
    return OrdersPlace(tmp_path_factory.mktemp("place"))


@pytest.fixture(params=["disk", "s3"])
def cli(
    request: pytest.FixtureRequest, place: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> Cli:
    disk = request.param == "disk"
    return Cli(place.lake.uri if disk else f"s3://{place.raw.bucket}/lake", capsys)


def test_a_folder_whose_record_was_lost_is_mended_by_what_the_runbook_says(
    cli: Cli, place: OrdersPlace
) -> None:
    place.put(f"{FOLDER}/A/id/1-01", ORDER)
    place.copy(FOLDER)
    raw = ["--raw", place.raw.uri]
    source = [*raw, "--source", place.source.uri]
    assert cli("structure", FOLDER, places=raw) == 0
    assert cli("reconcile", FOLDER, places=source) == 0
    old = [entry.key for entry in cli.store.list("consumable_tables/")]
    cli.store.delete([publication_record_key(FOLDER)])

    assert cli("structure", FOLDER, places=raw) == 1
    assert "docs/runbook.md#files_orphaned" in cli.err

    assert cli("reconcile", FOLDER, places=source) == 1
    assert "that no record names: 1" in cli.err
    assert f"Orphaned in the lake: {old[0]}" in cli.out
    assert cli("reconcile", "--json", FOLDER, places=source) == 1
    (folder,) = json.loads(cli.out)["folders"]
    assert [each["file"] for each in folder["orphaned_files"]] == old

    assert cli("orphans list") == 0
    assert old[0] in cli.out
    assert cli("orphans remove", "--min-age", "0", "--yes") == 0
    assert f"Removed: {old[0]}" in cli.out

    assert cli("reconcile", "--deep", FOLDER, places=source) == 0
    (left,) = cli.store.list("consumable_tables/")
    assert left.key not in old


@pytest.fixture
def orphaned(cli: Cli) -> Cli:
    """A lake that holds a strange file of a folder that was published, and one of another's."""
    cli.store.put(STRANGE, b"strange")
    cli.store.put(table_file_key(NEIGHBOUR, "2018-10-31", "lost", 0), b"lost")
    return cli


def test_names_are_masked_unless_they_are_asked_for(orphaned: Cli) -> None:
    assert orphaned("orphans list") == 1  # neither folder has a record
    assert "jane" not in orphaned.out + orphaned.err
    assert f"{DAY}[object " in orphaned.out
    assert "Orphaned: 2 files, 11 B in 2 folders." in orphaned.out
    orphaned("orphans list", "--show-names", FOLDER)
    assert "jane-doe\\u{1B}.0.parquet" in orphaned.out
    assert "\x1b" not in orphaned.out


def test_a_folder_without_a_record_keeps_everything(orphaned: Cli) -> None:
    assert orphaned("orphans remove", "--min-age", "0") == 1
    assert "--yes would remove none of these files" in orphaned.err
    assert "Use --yes" not in orphaned.err
    before = [entry.key for entry in orphaned.store.list("consumable_tables/")]
    assert orphaned("orphans remove", "--yes", "--min-age", "0") == 1
    assert "no publication record" in orphaned.err
    assert [entry.key for entry in orphaned.store.list("consumable_tables/")] == before


def test_without_yes_nothing_is_removed(cli: Cli, place: OrdersPlace) -> None:
    from checkout_assets_tests.spark_jobs.test_publishing import first_run

    first_run(cli.store)
    cli.store.put(STRANGE, b"strange")
    assert cli("orphans remove") == 0
    assert "none of these files. It keeps files younger than --min-age" in cli.err
    assert cli("orphans remove", "--min-age", "0") == 0
    assert "Nothing was removed. Use --yes to remove this file." in cli.err
    assert cli("orphans remove", "--json") == 0
    assert json.loads(cli.out)["totals"] == {"files": 1, "bytes": 7}
    assert cli("orphans remove", "--yes") == 1  # it is younger than an hour
    assert "younger" in cli.err
    assert cli("orphans remove", "--yes", "--json", "--min-age", "0") == 0
    told = json.loads(cli.out)
    assert (told["complete"], told["removed"], told["kept"]["files"]) == (
        True,
        {"files": 1, "bytes": 7},
        0,
    )
    assert cli("orphans remove", "--yes") == 0  # there is nothing left to remove
    assert cli("orphans remove") == 0
    assert cli.err == "Nothing was removed. There are no orphaned files.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "0a_checkout"], "did you mean 0A_CheckoutOrder?"),
        (["remove", "--min-age", "-1"], "min-age"),
        (["remove", "--min-age", "nan"], "min-age"),
        (["list", "--lake", "/nowhere/at/all"], "does not exist"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    place: OrdersPlace, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    place.lake.path.mkdir()
    lake = [] if "--lake" in words else ["--lake", place.lake.uri]
    assert run(["orphans", *words, *lake]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
