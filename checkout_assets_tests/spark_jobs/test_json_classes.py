"""Each class of JSON that parsers treat differently, read by the fast and by the exact path."""

import json
from typing import Any

import pytest

from checkout_assets_tests.spark_jobs.json_classes import (
    ACCEPTED,
    BY_THEIR_ENCODING,
    LONE_SURROGATES,
    NOT_UTF_8,
    NUMBERS_BEYOND_BINARY64,
    REFUSED,
)
from checkout_assets_tests.spark_jobs.test_fast_path import EXACT, FAST, outcome
from spark_jobs.conforming import Conformer, Rejected, Row
from spark_jobs.conforming.exact_json import DEEPEST

PATHS = (FAST["checkout"], EXACT["checkout"])
ORDER = '{"Id":"v1","LastChange":"2018-10-31"'
VALID = {**ACCEPTED, **NUMBERS_BEYOND_BINARY64}
INVALID = {**REFUSED, **LONE_SURROGATES}
MEMBERS = {
    "string": '"name":VALUE',
    "bigint": '"price":VALUE',
    "double": '"unitMultiplier":VALUE',
    "boolean": '"isGift":VALUE',
    "array": '"priceTags":VALUE',
    "struct": '"additionalInfo":VALUE',
    "map": '"assemblies":[{"inputValues":VALUE}]',
}


def each(classes: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("value", classes.values(), ids=classes)


def rescued(body: str) -> dict[str, str]:
    """What both paths rescue, by path."""
    fast, exact = (_rescued(conformer, body) for conformer in PATHS)
    assert fast == exact
    return fast


def _rescued(conformer: Conformer, body: str) -> dict[str, str]:
    row = conformer.conform(body.encode())
    assert isinstance(row, Row), row
    return {item["path"]: item["value"] for item in json.loads(row.line).get("_rescued", [])}


def reason(body: bytes) -> str:
    """Why both paths reject a document, at the same place."""
    fast, exact = (conformer.conform(body) for conformer in PATHS)
    assert isinstance(fast, Rejected), fast
    assert fast == exact
    return fast.reason


def with_nested(text: str) -> str:
    return f'{ORDER},"Items":{json.dumps(text)}}}'


def exactly(text: str) -> Any:
    """The value with the literals of its numbers, and with all members of its objects in order."""
    return json.loads(
        text,
        parse_int=lambda literal: ("number", literal),
        parse_float=lambda literal: ("number", literal),
        object_pairs_hook=lambda pairs: ("object", pairs),
    )


@each(VALID)
def test_a_valid_value_of_an_unknown_field_is_kept(value: str) -> None:
    ((path, kept),) = rescued(f'{ORDER},"six":{value}}}').items()
    assert (path, exactly(kept)) == ("/six", exactly(value))


@each(VALID)
def test_a_valid_value_in_nested_text_is_kept(value: str) -> None:
    ((path, kept),) = rescued(with_nested(f'[{{"six":{value}}}]')).items()
    assert (path, exactly(kept)) == ("/Items/0/six", exactly(value))


@each(VALID)
@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_both_paths_read_a_valid_value_alike_in_a_column_of_each_type(
    member: str, value: str
) -> None:
    body = with_nested(f'[{{{member.replace("VALUE", value)},"id":"6"}}]').encode()
    assert outcome(FAST["checkout"], body) == outcome(EXACT["checkout"], body)


@each(VALID)
def test_both_paths_remove_a_valid_value_alike(value: str) -> None:
    body = with_nested(f'[{{"itemAttachment":{value},"id":"6"}}]').encode()
    fast = FAST["checkout"].conform(body)
    assert isinstance(fast, Row)
    assert fast.cleaned == {"/items/*/itemattachment": 1}
    assert outcome(FAST["checkout"], body) == outcome(EXACT["checkout"], body)


@each(INVALID)
@pytest.mark.parametrize("member", [*MEMBERS.values(), '"itemAttachment":VALUE'])
def test_nested_text_with_an_invalid_value_in_a_column_of_any_type_is_rescued_whole(
    member: str, value: str
) -> None:
    text = f"[{{{member.replace('VALUE', value)}}}]"
    assert rescued(with_nested(text)) == {"/Items": json.dumps(text, ensure_ascii=False)}


@each(INVALID)
def test_a_document_with_an_invalid_value_is_not_json(value: str) -> None:
    assert reason(f'{ORDER},"six":{value}}}'.encode()) == "not_json"


@each(INVALID)
def test_invalid_nested_text_is_rescued_whole(value: str) -> None:
    text = f'[{{"six":{value}}}]'
    assert rescued(with_nested(text)) == {"/Items": json.dumps(text, ensure_ascii=False)}


@each(NOT_UTF_8)
def test_a_document_that_is_not_utf_8_says_so(value: bytes) -> None:
    assert reason(ORDER.encode() + b',"six":' + value + b"}") == "not_utf8"


@each(INVALID)
def test_an_invalid_document_is_not_json(value: str) -> None:
    is_marked = value.startswith("\ufeff")  # which a document may be, a value within it may not
    assert reason(value.encode()) == ("not_an_object" if is_marked else "not_json")


@each(VALID)
def test_a_valid_document_that_is_not_an_order_is_told_apart(value: str) -> None:
    expected = "no_id" if value[0] == "{" else "not_an_object"
    assert reason(f" \r\n\t{value} \r\n\t".encode()) == expected


@pytest.mark.parametrize(("body", "why"), BY_THEIR_ENCODING.values(), ids=BY_THEIR_ENCODING)
def test_only_utf_8_is_read_with_or_without_its_mark(body: bytes, why: str) -> None:
    assert reason(body) == why


@pytest.mark.parametrize("levels", [DEEPEST, 500, 100_000])
@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"":', "}")], ids=["arrays", "objects"])
def test_deep_nesting_is_refused(opening: str, closing: str, levels: int) -> None:
    value = opening * levels + "6" + closing * levels
    assert reason(f'{ORDER},"six":{value}}}'.encode()) == "not_json"
    deeper = f"[{value}]"
    assert rescued(with_nested(deeper)) == {"/Items": json.dumps(deeper)}
