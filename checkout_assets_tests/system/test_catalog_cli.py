"""``checkout-assets catalog glue``: what it prints, and how it exits."""

import json
from typing import Any

import pytest

from checkout_assets.cli.main import run
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.glue_place import Cataloged, new_lake
from checkout_assets_tests.local_glue import LocalGlue
from checkout_assets_tests.published_lake import order_row, publish_rows

Captured = pytest.CaptureFixture[str]
HOSTILE = "\x1b[31mred\u202e"


@pytest.fixture
def cataloged(
    aws: EmbeddedS3Server, local_glue: LocalGlue, monkeypatch: pytest.MonkeyPatch
) -> Cataloged:
    lake = new_lake(aws)
    publish_rows(lake.open(), "0A_CheckoutOrder", "run1", [order_row("1")])
    monkeypatch.setenv("CHECKOUT_LAKE_URI", lake.uri)
    return Cataloged(lake, local_glue)


def printed(capsys: Captured, *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(["catalog", "glue", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def document_of(capsys: Captured, *words: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = printed(capsys, *words, "--json")
    document: dict[str, Any] = json.loads(out)
    assert document["command"] == "catalog glue"
    assert document["complete"] is (code == 0)
    return code, document


def test_changes_are_shown_then_written_then_nothing_is_left(
    cataloged: Cataloged, capsys: Captured
) -> None:
    code, out, err = printed(capsys)
    assert code == 1
    assert "consumable_tables.checkout: is not in Glue; to be created with 81 columns" in out
    assert err == "Nothing was changed. Use --yes to write the changes.\n"
    assert cataloged.glue.sent("CreateTable") == []
    assert printed(capsys, "--yes")[::2] == (0, "Written; read back and confirmed.\n")
    assert cataloged.table()["StorageDescriptor"]["Location"].startswith(cataloged.lake.uri)
    told = "Nothing was changed: both tables are up to date.\n"
    assert printed(capsys)[::2] == (0, told)
    assert printed(capsys, "--yes")[::2] == (0, told)


def test_the_same_as_json(cataloged: Cataloged, capsys: Captured) -> None:
    code, document = document_of(capsys)
    states = [each["state"] for each in document["tables"]]
    assert (code, document["written"], states) == (1, False, ["missing", "missing"])
    code, document = document_of(capsys, "--yes")
    assert (code, document["written"]) == (0, True)
    code, document = document_of(capsys)
    assert (code, [each["state"] for each in document["tables"]]) == (0, ["up_to_date"] * 2)
    assert document["tables"][0]["years"] == ["2018"]


def test_what_others_wrote_is_shown_escaped(cataloged: Cataloged, capsys: Captured) -> None:
    assert run(["catalog", "glue", "--yes"]) == 0
    cataloged.sets(Description=HOSTILE)
    cataloged.lake.open().put(f"consumable_tables/checkout/{HOSTILE}/x", b"x")
    code, out, _ = printed(capsys)
    assert code == 1
    assert "consumable_tables.checkout: 1 value differs." in out
    assert "1 folder is not named YEAR=YYYY, MONTH=MM or DAY=DD, so queries do not see it" in out
    assert "\\u{1B}[31mred\\u{202E}" in out
    assert not {"\x1b", "\u202e"} & set(out)
    code, document = document_of(capsys)
    assert "\\u{1B}" in document["tables"][0]["folders_not_seen"][0]
    assert document["tables"][0]["differences"][0]["what"] == "description"


def test_another_database_is_an_option(cataloged: Cataloged, capsys: Captured) -> None:
    assert printed(capsys, "--database", "plain_orders", "--yes")[0] == 0
    assert cataloged.others.table("plain_orders", "fulfillment")["Name"] == "fulfillment"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--database", "Plain Orders"], "CHECKOUT_PLAIN_DATABASE is wrong"),
        (["--lake", "/tmp"], "is a directory"),
        (["--lake", "s3://no-such-bucket-here"], "the bucket does not exist"),
    ],
)
def test_wrong_usage_is_one_line(
    cataloged: Cataloged, capsys: Captured, words: list[str], told: str
) -> None:
    code, out, err = printed(capsys, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert cataloged.glue.requests == []


def test_a_table_of_others_is_refused(cataloged: Cataloged, capsys: Captured) -> None:
    cataloged.client.create_database(DatabaseInput={"Name": "consumable_tables"})
    theirs = {"Name": "checkout", "Description": "theirs"}
    cataloged.client.create_table(DatabaseName="consumable_tables", TableInput=theirs)
    code, out, err = printed(capsys, "--yes")
    assert (code, out) == (2, "")
    assert "Choose another database with --database" in err
    assert cataloged.table()["Description"] == "theirs"


def test_a_lake_that_cannot_be_listed_is_told(
    cataloged: Cataloged, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checkout_assets.engines.cataloging import plain_tables
    from spark_jobs.stores import StoreError

    def denied(*_: object) -> None:
        raise StoreError("AccessDenied", "the lake")

    monkeypatch.setattr(plain_tables, "year_folders", denied)
    code, _, err = printed(capsys)
    assert (code, err.count("\n")) == (1, 1)
    assert "The lake could not be listed" in err
