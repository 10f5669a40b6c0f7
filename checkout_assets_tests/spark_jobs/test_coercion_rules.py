"""What a value becomes in a typed column: one table, and one place in the code for both readers."""

import re
from typing import Any, NamedTuple

import orjson
import pytest

from spark_jobs.conforming import Conformer, Row, scalars
from spark_jobs.conforming.fast_path import compile_text
from spark_jobs.schema import data_columns

NESTED = {"bigint": "quantity", "double": "unitMultiplier", "boolean": "isGift", "string": "name"}
FLAT = {"bigint": "Value", "boolean": "IsCompleted", "string": "OrderId"}
(ITEMS,) = (column for column in data_columns("checkout") if column.source_field == "Items")
READ = compile_text(ITEMS)
READERS = {"fast": Conformer("checkout"), "exact": Conformer("checkout", fast=False)}

CONVERTED = [
    ("bigint", "5", 5),
    ("bigint", '"5"', 5),
    ("bigint", '"-5.00"', -5),
    ("bigint", "5.0", 5),
    ("bigint", "5e1", 50),
    ("bigint", "-0", 0),
    ("bigint", "9007199254740991.0", 9007199254740991),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("bigint", '"-9223372036854775808"', -9223372036854775808),
    ("double", "5", 5.0),
    ("double", "1.5", 1.5),
    ("double", '"1.5"', 1.5),
    ("double", '"1e2"', 100.0),
    ("boolean", "true", True),
    ("boolean", "false", False),
    ("boolean", '"True"', True),
    ("boolean", '"FALSE"', False),
    ("string", '"a"', "a"),
    ("string", '""', ""),
    ("string", '"null"', "null"),
    ("string", "5", "5"),
    ("string", "1.10", "1.10"),
    ("string", "1E400", "1E400"),
    ("string", "123456789012345678901234567890", "123456789012345678901234567890"),
    ("string", "true", "true"),
    ("string", "false", "false"),
    ("string", '{"a": 1.0}', '{"a": 1.0}'),
    ("string", "[ 1 ]", "[ 1 ]"),
]
RESCUED = [
    ("bigint", "5.5", None),
    ("bigint", '"5.5"', None),
    ("bigint", '"05"', None),
    ("bigint", '"+5"', None),
    ("bigint", '"1e2"', None),
    ("bigint", "4.99999999999999999999", None),
    ("bigint", "9007199254740992.0", None),
    ("bigint", "9223372036854775808", None),
    ("bigint", "true", None),
    ("bigint", "[]", None),
    ("double", "0.12345678901234567890123", 0.12345678901234568),
    ("double", '"0.12345678901234567890123"', 0.12345678901234568),
    ("double", "1e400", None),
    ("double", '"NaN"', None),
    ("double", '"1,5"', None),
    ("double", "true", None),
    ("boolean", "1", None),
    ("boolean", '"yes"', None),
    ("boolean", "{}", None),
]
EMPTIED = [(kind, text) for kind in ("bigint", "double", "boolean") for text in ('""', '"null"')]


def conformed(reader: str, kind: str, value: str, flat: bool) -> tuple[Any, list[Any], int]:
    """The column's value, what was rescued, and how many texts counted as empty."""
    fields = f'"{FLAT[kind]}":{value}' if flat else f'"Items":{as_text(nested(kind, value))}'
    body = f'{{"Id":"v1","LastChange":"2018-10-31",{fields}}}'
    row = READERS[reader].conform(body.encode())
    assert isinstance(row, Row)
    columns = orjson.loads(row.line)
    within = columns if flat else columns["items"][0]
    rescued = [each["value"] for each in columns.get("_rescued", [])]
    return within.get(FLAT[kind].lower() if flat else NESTED[kind]), rescued, row.emptied


def nested(kind: str, value: str) -> str:
    return f'[{{"{NESTED[kind]}":{value}}}]'


def as_text(text: str) -> str:
    return orjson.dumps(text).decode()


def places(rules: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        (*rule, flat) for rule in rules for flat in (False, True) if not flat or rule[0] in FLAT
    ]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("kind", "value", "wanted", "flat"), places(CONVERTED))
def test_what_converts_is_the_columns_value(
    reader: str, kind: str, value: str, wanted: Any, flat: bool
) -> None:
    found, rescued, emptied = conformed(reader, kind, value, flat)
    assert (found, type(found)) == (wanted, type(wanted))
    assert (rescued, emptied) == ([], 0)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("kind", "value", "wanted", "flat"), places(RESCUED))
def test_what_does_not_convert_whole_is_rescued_as_it_was_written(
    reader: str, kind: str, value: str, wanted: Any, flat: bool
) -> None:
    assert conformed(reader, kind, value, flat) == (wanted, [value], 0)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("kind", "value", "flat"), places(EMPTIED))
def test_empty_text_is_null_and_counted(reader: str, kind: str, value: str, flat: bool) -> None:
    assert conformed(reader, kind, value, flat) == (None, [], 1)


class Change(NamedTuple):
    """Another rule, and what a value is by it."""

    rule: str
    standing: Any
    kind: str
    value: str
    wanted: Any


def make(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = getattr(scalars, change.rule)
    if isinstance(standing, dict):  # who uses it may hold it already
        for key, value in change.standing.items():
            monkeypatch.setitem(standing, key, value)
    else:
        monkeypatch.setattr(scalars, change.rule, change.standing)


CHANGES = [
    Change("_INTEGER_TEXT", re.compile(r"\+?(-?[0-9]+)"), "bigint", '"+5"', 5),
    Change("_NUMBER_TEXT", re.compile(r"\+?[0-9.]+"), "double", '"+1.5"', 1.5),
    Change("_BOOLEANS", {"yes": True}, "boolean", '"yes"', True),
    Change("BOOLEAN_TEXTS", {True: "yes", False: "no"}, "string", "true", "yes"),
    Change("EXACT_FLOAT", 8, "bigint", "9.0", None),
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.rule)
def test_a_rule_that_changes_changes_in_both_readers(
    reader: str, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stands once: nothing else in the code has to be changed with it."""
    assert conformed(reader, change.kind, change.value, flat=False)[0] != change.wanted
    make(change, monkeypatch)
    assert conformed(reader, change.kind, change.value, flat=False)[0] == change.wanted


@pytest.mark.parametrize("change", CHANGES[:-1], ids=lambda change: change.rule)
def test_the_fast_reader_itself_follows(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    make(change, monkeypatch)
    assert READ(nested(change.kind, change.value))[0] == [{NESTED[change.kind]: change.wanted}]
