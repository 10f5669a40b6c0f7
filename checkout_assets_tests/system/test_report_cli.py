"""``checkout-assets report``: a table, one HTML file, one document, the exit codes."""

import json
from pathlib import Path

import pytest

from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.system.test_cli import Cli

FOLDER = "86_FulfillmentOrder"
SENTENCE = "3 objects lie nested under id/; they are copied and go to quarantine."


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture
def words(place: OrdersPlace) -> list[str]:
    """The command on a copied folder with three nested objects, and a loose object beside it."""
    place.put(f"{FOLDER}/A/id/one")
    for number in range(3):
        place.put(f"{FOLDER}/A/id/deep/{number}")
    place.put("<script>jane doe.json")
    assert place.copy(FOLDER)[FOLDER].ok
    places = ["--source", place.source.uri, "--raw", place.raw.uri]
    return ["report", *places, "--lake", str(place.lake.path)]


def test_it_prints_the_table_writes_the_file_and_keeps_the_report(
    cli: Cli, place: OrdersPlace, words: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    ended = cli(*words, "--out", str(out))

    assert ended.code == 1
    assert "0 of 512 folders complete, 512 red, 0 flagged." in ended.out
    assert SENTENCE in ended.out
    assert "no_documents_nested_under_id" in ended.out
    assert ended.last_line == "512 of 512 folders are not complete."
    assert f"Written to {out}" in ended.out
    (kept,) = (place.lake.path / "_reports").glob("*.html")
    assert f"Report: {kept}" in ended.out
    assert out.read_text() == kept.read_text()
    assert "jane" not in out.read_text() + ended.out + ended.err
    assert [path.name for path in tmp_path.glob("*report*")] == ["report.html"]


def test_json_is_one_document(cli: Cli, words: list[str]) -> None:
    document = json.loads(cli(*words, "--json").out)
    assert (document["command"], document["complete"], document["error"]) == (
        "report",
        False,
        None,
    )
    assert document["asked"] == 512
    (told,) = [each for each in document["folders"] if each["folder"] == FOLDER]
    assert SENTENCE in [line["sentence"] for line in told["lines"]]
    assert document["report"].endswith(".html")


def test_the_newest_is_shown_again_without_comparing(
    cli: Cli, place: OrdersPlace, words: list[str], tmp_path: Path
) -> None:
    made = json.loads(cli(*words, "--json").out)
    place.put(f"{FOLDER}/A/id/two")
    for again in (["--latest", *words[1:]], ["--lake", str(place.lake.path)]):
        ended = cli("report", *again, "--json", "--out", str(tmp_path / "again.html"))
        assert ended.code == 1
        shown = json.loads(ended.out)
        assert {**shown, "out": None} == made
        assert (tmp_path / "again.html").read_text() == Path(made["report"]).read_text()


def test_a_lake_without_a_report_is_told_in_one_sentence(cli: Cli, tmp_path: Path) -> None:
    ended = cli("report", "--lake", str(tmp_path))
    assert ended.code == 2
    assert ended.last_line.startswith(f"Error: The lake {tmp_path} has no report yet: ")


@pytest.mark.parametrize("out", ["", "nowhere/report.html"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_compared(
    cli: Cli, words: list[str], place: OrdersPlace, tmp_path: Path, out: str
) -> None:
    ended = cli(*words, "--out", str(tmp_path / out))
    assert ended.code == 2
    assert "cannot be written" in ended.last_line
    assert not (place.lake.path / "_reports").exists()
