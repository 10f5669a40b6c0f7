"""A source key that is there twice turns the command line red, and the runbook's remedy green."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.spark_jobs.test_source_keys import at_the_end, replace_manifest
from spark_jobs.contract.keys import publication_record_key, table_file_key
from spark_jobs.contract.publication import PublicationRecord, PublishedFile

ORDER = b'{"Id": "1-01", "LastChange": "2018-10-31T10:00:00Z"}'
STRUCTURE = ["structure", FOLDER, "--raw", "RAW", "--lake", "LAKE"]
RECONCILE = ["reconcile", FOLDER, "--source", "SOURCE", "--raw", "RAW", "--lake", "LAKE"]
COPY = ["copy", FOLDER, "--source", "SOURCE", "--raw", "RAW"]
REMOVE = ["orphans", "remove", "--lake", "LAKE", "--yes", "--min-age", "0", FOLDER]


def record_of(place: OrdersPlace) -> PublicationRecord:
    return PublicationRecord.from_json(place.lake.open().get(publication_record_key(FOLDER)).data)


def add_the_file_twice(place: OrdersPlace) -> PublishedFile:
    (file,) = record_of(place).files
    again = replace(file, path=table_file_key(FOLDER, "2018-10-31", "again", 0))
    place.lake.open().put(again.path, place.lake.open().get(file.path).data)
    return again


def add_the_file_twice_and_record_it(place: OrdersPlace) -> None:
    record, again = record_of(place), add_the_file_twice(place)
    totals = replace(record.totals, vanished_rows=record.totals.rows)
    record = replace(record, files=[*record.files, again], totals=totals)
    place.lake.open().put(publication_record_key(FOLDER), record.to_json())


def name_an_object_twice(place: OrdersPlace) -> None:
    replace_manifest(place, *at_the_end(place.manifest()))


RED = {
    add_the_file_twice: (RECONCILE, "files of it in the lake that no record names: 1"),
    add_the_file_twice_and_record_it: (RECONCILE, "source keys that do not stand exactly once: 1"),
    name_an_object_twice: (STRUCTURE, "are not in order. Copy the folder again"),
}
"""The command that turns red, and what it says."""


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path) -> OrdersPlace:
    return OrdersPlace(tmp_path)


def codes(place: OrdersPlace, *commands: Sequence[str]) -> list[int]:
    """The exit codes of these commands."""
    uris = {"SOURCE": place.source.uri, "RAW": place.raw.uri, "LAKE": place.lake.uri}
    return [run([uris.get(word, word) for word in command]) for command in commands]


@pytest.mark.parametrize(
    ("plant", "remedy"),
    [
        (add_the_file_twice, [REMOVE]),
        (add_the_file_twice_and_record_it, [STRUCTURE]),
        (name_an_object_twice, [COPY, STRUCTURE]),
    ],
)
def test_the_remedy_of_the_runbook_helps(
    place: OrdersPlace,
    capsys: pytest.CaptureFixture[str],
    plant: Callable[[OrdersPlace], object],
    remedy: Sequence[Sequence[str]],
) -> None:
    place.put(f"{FOLDER}/A/id/1-01", ORDER)
    assert codes(place, COPY, STRUCTURE, RECONCILE) == [0, 0, 0]

    plant(place)
    red, told = RED[plant]
    capsys.readouterr()
    assert codes(place, red) == [1]
    assert told in capsys.readouterr().err

    assert codes(place, *remedy, RECONCILE) == [0] * (len(remedy) + 1)
