"""Every record that is read back: earlier ones load, later ones and wrong ones are told apart."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.domain.access.grants import GrantRecord, LaterGrantError
from checkout_assets.domain.errors import MigrationError
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.record_format import VERSION_FIELD, LaterFormatError, RecordError
from spark_jobs.contract.results import FolderStructured

EARLIER = Path(__file__).parent / "earlier_records"
"""Written by the program before its records had a version."""

KINDS: dict[str, Any] = {
    "completion": CompletionRecord,
    "publication": PublicationRecord,
    "publishing": PublicationRecord,
    "result": FolderStructured,
    "grant": GrantRecord,
}
Place = tuple[str | int, ...]


def told(name: str) -> dict[str, Any]:
    """What such a record holds today."""
    record = KINDS[name].from_json(EARLIER.joinpath(f"{name}.json").read_bytes())
    found: dict[str, Any] = json.loads(record.to_json())
    return found


def read(name: str, fields: Any) -> Any:
    return KINDS[name].from_json(json.dumps(fields).encode())


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value within, with the way to it."""
    members: Any = value.items() if isinstance(value, dict) else ()
    members = enumerate(value) if isinstance(value, list) else members
    for name, each in members:
        yield (*place, name), each
        yield from places(each, (*place, name))


def changed(fields: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """A copy with another value at that place."""
    copy: dict[str, Any] = json.loads(json.dumps(fields))
    within: Any = copy
    for name in place[:-1]:
        within = within[name]
    within[place[-1]] = value
    return copy


EVERY_PLACE = [
    pytest.param(name, place, value, id=f"{name}-{'.'.join(map(str, place))}")
    for name in KINDS
    for place, value in places(json.loads(EARLIER.joinpath(f"{name}.json").read_bytes()))
]


@pytest.mark.parametrize("name", KINDS)
def test_a_record_from_before_there_were_versions_is_read_whole(name: str) -> None:
    before = json.loads(EARLIER.joinpath(f"{name}.json").read_bytes())

    now = told(name)

    assert now[VERSION_FIELD] == 1
    kept = dict(places(now))
    values = [(p, value) for p, value in places(before) if not isinstance(value, dict | list)]
    assert [place for place, value in values if kept[place] != value] == []
    assert read(name, now).to_json() == read(name, before).to_json()


@pytest.mark.parametrize("name", KINDS)
def test_a_field_that_a_later_program_added_is_ignored(name: str) -> None:
    fields = told(name)
    added = changed(fields, ("added",), {"later": [1, None]})
    assert read(name, added) == read(name, fields)
    for place, value in places(fields):
        if isinstance(value, dict) and place[-1] in {"totals", "proof", 0}:
            assert read(name, changed(fields, (*place, "added"), "later")) == read(name, fields)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("version", [2, 3, 1000])
def test_a_record_of_a_later_version_is_refused_and_says_to_upgrade(
    name: str, version: int
) -> None:
    fields = changed(told(name), (VERSION_FIELD,), version)
    fields["added"] = "what must not be ignored"
    with pytest.raises((LaterFormatError, LaterGrantError)) as caught:
        read(name, fields)
    assert f"was written by a later version of checkout-assets (format {version};" in str(
        caught.value
    )
    advice = getattr(caught.value, "advice", lambda _: str(caught.value))("Copy it again.")
    assert "Upgrade checkout-assets" in advice
    assert "again." in advice


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None, [], 1 << 70])
def test_a_version_that_is_none_is_refused(name: str, version: object) -> None:
    with pytest.raises((RecordError, MigrationError), match="no valid format version"):
        read(name, changed(told(name), (VERSION_FIELD,), version))


WRONG: list[Callable[[Any], Any]] = [
    str,
    lambda _: True,
    lambda _: None,
    lambda _: -1,
    lambda _: 1.5,
    lambda _: 1 << 63,
    lambda value: [value],
    lambda value: {"x": value},
    lambda _: {},
    lambda _: "",
    lambda _: "../up",
    lambda _: "\ud800",
]


def fits(place: Place, old: Any, new: Any) -> bool:
    """Whether another value is as good at that place as the one that is there."""
    name = place[-1]
    if name in {"totals", "proof"}:  # every count has a default, and a proof may be missing
        return (isinstance(new, dict) and name == "totals") or (new is None and name == "proof")
    if isinstance(old, dict):
        return new == {}
    if isinstance(old, int | float) and not isinstance(new, bool):
        counts = isinstance(new, int) and 0 <= new < 1 << 63
        return counts or (name == "seconds" and isinstance(new, float) and new >= 0)
    free = {"error", "copy_id", "digest", "sha256", "schema_version", "requester", "revoked_at"}
    if isinstance(old, str) and isinstance(new, str) and "\ud800" not in new:
        plain = name in free or (name == "as_of" and place[0] == "proof")
        return new == old or plain
    return False


@pytest.mark.parametrize(("name", "place", "value"), EVERY_PLACE)
def test_a_value_of_another_kind_is_refused_wherever_it_stands(
    name: str, place: Place, value: Any
) -> None:
    for make in WRONG:
        wrong = make(value)
        fields = changed(told(name), place, wrong)
        if fits(place, value, wrong):
            continue
        with pytest.raises((RecordError, MigrationError)) as caught:
            read(name, fields)
        assert str(place[0]) in str(caught.value) or "not its folder's" in str(caught.value)


@pytest.mark.parametrize(("name", "place", "value"), EVERY_PLACE)
def test_numbers_that_are_none_are_refused(name: str, place: Place, value: Any) -> None:
    if not isinstance(value, int | float):
        return
    marked = json.dumps(changed(told(name), place, "@@"))
    for text in ("NaN", "Infinity", "-Infinity", "1e999", "-1", "1" * 5000):
        with pytest.raises((RecordError, MigrationError)):
            KINDS[name].from_json(marked.replace('"@@"', text).encode())


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_record_is_refused(name: str) -> None:
    deep = b'{"folder": ' + b"[" * 100_000
    for data in (b"", b"{", b"[]", b"null", b'"text"', b"{}", b"\xff", b"7", deep):
        with pytest.raises((RecordError, MigrationError)):
            KINDS[name].from_json(data)


@pytest.mark.parametrize(("name", "place", "value"), EVERY_PLACE)
def test_a_member_that_comes_twice_is_refused(name: str, place: Place, value: Any) -> None:
    if not isinstance(place[-1], str):
        return
    once = f'"{place[-1]}": "@@"'
    marked = json.dumps(changed(told(name), place, "@@"))
    twice = marked.replace(once, f"{once}, {once}").replace('"@@"', json.dumps(value))
    with pytest.raises((RecordError, MigrationError), match="has a member twice"):
        KINDS[name].from_json(twice.encode())


@pytest.mark.parametrize("separator", ["\n", "\x1b", "\u2028", "\0"])
def test_an_instant_holds_no_control_character(separator: str) -> None:
    fields = changed(told("completion"), ("as_of",), f"2026-01-01{separator}00:00:00+00:00")
    with pytest.raises(RecordError, match="no instant with its zone at as_of"):
        read("completion", fields)


@pytest.mark.parametrize("name", ["completion", "publication", "result"])
def test_a_missing_field_is_named(name: str) -> None:
    fields = told(name)
    del fields["folder"]
    with pytest.raises(RecordError, match="lacks a field: folder"):
        read(name, fields)


def test_no_name_from_within_a_record_is_told() -> None:
    fields = changed(told("completion"), ("by_kind",), {"secret name": "5"})
    with pytest.raises(RecordError) as caught:
        read("completion", fields)
    assert str(caught.value) == "the completion record has no count at by_kind"
