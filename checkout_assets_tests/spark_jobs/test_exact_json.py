"""Parsing JSON exactly: what it accepts, and that nothing of it is lost."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checkout_assets_tests.spark_jobs.test_conforming_properties import PROFILE
from spark_jobs.conforming.exact_json import DEEPEST, NotJsonError, parse, to_text

PIECES = ["\\ud83d", "\\uDE00", "\\uDbFf", "\\udc00", "\\\\", "\\u0041", "ud83d", "\\n", '\\"', "a"]


@PROFILE
@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
@example("\\\\ud83d\\uDE00")
@example("\\ud83d\\\\\\uDE00")
def test_surrogates_are_taken_in_pairs_only(pieces: str) -> None:
    text = f'["{pieces}"]'
    value = json.loads(text)
    try:
        value[0].encode()
    except UnicodeEncodeError:
        with pytest.raises(NotJsonError, match="surrogate"):
            parse(text)
    else:
        assert parse(text) == value


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_is_bounded(opening: str) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(levels: int) -> str:
        return opening * levels + "1" + closing * levels

    assert to_text(parse(nested(DEEPEST))) == nested(DEEPEST)
    for text in (nested(DEEPEST + 1), nested(100_000), opening * (DEEPEST + 1)):
        with pytest.raises(NotJsonError, match="depth") as refused:
            parse(text)
        assert refused.value.position == len(opening) * DEEPEST


def test_brackets_in_strings_are_no_depth() -> None:
    text = json.dumps(["[" * 300, '{"\\"[' * 300])
    assert parse(text) == json.loads(text)


def test_literals_and_duplicate_keys_are_kept() -> None:
    text = '{"a":1.10,"a":-0,"b":[1e400,123456789012345678901234567890],"":null}'
    assert to_text(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "rule", "position"),
    [
        ('{"a":"NaN","b":NaN}', "constant", 15),
        ("[1,-Infinity]", "constant", 3),
        ('["é\\ud800"]', "surrogate", 3),
        ("[1,]", "syntax", 3),
        ('["\x01"]', "syntax", 2),
        ("\ufeff[]", "syntax", 0),
        ("", "syntax", 0),
    ],
)
def test_a_refusal_names_the_rule_and_the_place(text: str, rule: str, position: int) -> None:
    with pytest.raises(NotJsonError) as refused:
        parse(text)
    assert (refused.value.rule, refused.value.position) == (rule, position)
