"""Kinds of object, and safe keys that lose nothing."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checkout_assets.domain.keys import (
    LONGEST_KEY_BYTES,
    Classification,
    ObjectKind,
    classify,
    safe_key,
    source_key_of,
    was_escaped,
)

FOLDER = "86_FulfillmentOrder"
KEYS = st.text(
    st.one_of(st.sampled_from("/._~-aZ0 é%"), st.characters(exclude_categories=["Cs"])), max_size=60
)


@pytest.mark.parametrize(
    ("rest", "kind", "near_miss"),
    [
        ("inst/id/order", "document", False),
        ("inst/id/.", "document", False),
        ("inst/id/ ", "document", False),
        ("inst/id/id", "document", False),
        ("inst/id/deep/order", "nested", False),
        ("inst/id/order/", "nested", False),
        ("inst/id//", "nested", False),
        ("/id/deep/x", "nested", False),
        ("inst/id/", "side", False),
        ("/id/order", "side", False),
        ("inst/id", "side", False),
        ("inst/index/order", "side", False),
        ("loose", "side", False),
        ("", "side", False),
        ("a/b/id/c", "side", True),
        ("x/ID/y", "side", True),
        ("id/x/y", "side", True),
        ("x/Id/y/z", "side", True),
    ],
)
def test_the_kind_of_an_object_is_told_by_its_key(rest: str, kind: str, near_miss: bool) -> None:
    assert classify(f"{FOLDER}/{rest}") == Classification(ObjectKind(kind), near_miss)


@pytest.mark.parametrize(
    ("source", "raw"),
    [
        ("00_CheckoutOrder/AF00/id/100-01", "00_CheckoutOrder/AF00/id/100-01"),
        ("f/a b/id/x", "f/a~20b/id/x"),
        ("f/~/id/ç", "f/~7E/id/~C3~A7"),
        ("f//id/x/", "f/~/id/x/~"),
        ("f/./../_x/.y", "f/~2E/~2E./~5Fx/~2Ey"),
        ("f/a_b/c.d/-e", "f/a_b/c.d/-e"),
        ("f/%2F/x", "f/~252F/x"),
        ("f/\U0001f4e6/\n", "f/~F0~9F~93~A6/~0A"),
    ],
)
def test_safe_keys_are_as_the_contract_says(source: str, raw: str) -> None:
    assert safe_key(source) == raw
    assert was_escaped(source) == (source != raw)


@given(KEYS)
@example("~")
@example("~~")
@example("/")
def test_a_safe_key_is_clean_and_gives_the_source_key_back(key: str) -> None:
    raw = safe_key(key)
    assert re.fullmatch(r"[A-Za-z0-9._~/-]*", raw)
    assert all(segment and segment[0] not in "._" for segment in raw.split("/"))
    assert source_key_of(raw) == key


@given(st.lists(KEYS, min_size=2, max_size=2, unique=True))
def test_two_keys_never_share_a_safe_key(keys: list[str]) -> None:
    assert safe_key(keys[0]) != safe_key(keys[1])


@given(st.text(st.sampled_from("é/ a~"), min_size=300, max_size=1024), st.integers(0, 100))
def test_a_key_that_grows_too_long_is_cut_after_a_whole_escape(name: str, room: int) -> None:
    prefix = "r" * room
    key = f"{FOLDER}/{name}"
    raw = safe_key(key, prefix)
    assert len(prefix) + len(raw) <= LONGEST_KEY_BYTES
    if source_key_of(raw) is None:
        cut, _, digest = raw.rpartition("~~")
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
        assert re.fullmatch(r"([^~]|~[0-9A-F]{2}|~(?=/|$))*", cut)
    else:
        assert source_key_of(raw) == key


def test_two_long_keys_that_share_their_beginning_stay_apart() -> None:
    one, other = (f"{FOLDER}/{'é' * 400}{end}" for end in "ab")
    assert safe_key(one) != safe_key(other)
    assert source_key_of(safe_key(one)) is None
