"""Kinds of object, and safe keys that lose nothing."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checkout_assets.domain.keys import (
    LONGEST_KEY_BYTES,
    Classification,
    classify,
    safe_key,
    was_escaped,
)
from spark_jobs.contract.raw_keys import place_in_order, raw_key_at, stands_for
from spark_jobs.contract.words import ObjectKind

FOLDER = "86_FulfillmentOrder"
KEYS = st.text(
    st.one_of(st.sampled_from("/._~-aZ0 é%"), st.characters(exclude_categories=["Cs"])), max_size=60
)


def source_key_of(raw_key: str) -> str | None:
    """Undo ``safe_key``; None if ``raw_key`` was cut: only a manifest tells then."""
    if "~~" in raw_key:
        return None
    return "/".join("" if s == "~" else unescaped(s) for s in raw_key.split("/"))


def unescaped(segment: str) -> str:
    escape = re.compile(rb"~([0-9A-F]{2})")
    plain = escape.sub(lambda found: bytes([int(found[1], 16)]), segment.encode())
    return plain.decode("utf-8", "surrogateescape")


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


@pytest.mark.parametrize(
    ("one", "other"),
    [("a:b", "a~3Ab"), ("a//b", "a/~/b"), ("a/./b", "a/~2E/b"), ("_a", "~5Fa"), ("a/", "a/~")],
)
def test_a_key_and_the_look_of_its_escape_stay_apart(one: str, other: str) -> None:
    assert safe_key(one) != safe_key(other)
    assert source_key_of(safe_key(one)) == one
    assert source_key_of(safe_key(other)) == other


@given(st.text(st.sampled_from("aé/ ~_.:"), max_size=12))
def test_undoing_what_looks_like_an_escape_gives_no_second_way_to_a_key(key: str) -> None:
    """The raw key of a key is never the raw key of what that raw key would be as a source key."""
    raw = safe_key(key)
    assert (safe_key(raw) == raw) == ("~" not in raw)


@given(
    st.integers(LONGEST_KEY_BYTES - 80, LONGEST_KEY_BYTES + 80),
    st.integers(0, 70),
    st.sampled_from(["é", " ", "~", "/", "/_", "a"]),
)
def test_around_the_longest_key_nothing_is_lost_and_two_keys_stay_apart(
    length: int, room: int, filling: str
) -> None:
    prefix = "r" * room
    plain = f"{FOLDER}/"
    growth = len(safe_key(f"f/x{filling * 2}y")) - len(safe_key(f"f/x{filling}y"))
    plain += filling * ((length - len(plain)) // growth)
    keys = [plain + end for end in ("", "a", "b", " ", "é", "/")]
    raws = [safe_key(key, prefix) for key in keys]
    assert len(set(raws)) == len(keys)
    for key, raw in zip(keys, raws, strict=True):
        assert len(prefix) + len(raw) <= LONGEST_KEY_BYTES
        assert source_key_of(raw) in {key, None}
        assert [other for other in keys if stands_for(raw, other)] == [key]
        assert re.fullmatch(r"([^~]|~[0-9A-F]{2}|~(?=/|$|~~)|~~(?=[0-9a-f]{64}$))*", raw)


@given(st.lists(st.text(st.sampled_from("AZaz09._-/"), max_size=40)))
def test_keys_of_allowed_bytes_are_never_changed(segments: list[str]) -> None:
    key = "/".join(["f", *(f"x{segment}" for segment in segments)]).replace("//", "/x")
    key = re.sub(r"/(?=[._/]|$)", "/x", key)
    assert safe_key(key) == key
    assert place_in_order(key) == raw_key_at(place_in_order(key)) == key


@given(st.lists(KEYS.map(lambda key: f"{FOLDER}/{key}"), unique=True))
def test_keys_that_are_not_escaped_come_first_and_in_the_sources_order(keys: list[str]) -> None:
    ordered = sorted(keys, key=lambda key: place_in_order(safe_key(key)))
    unchanged = [key for key in ordered if safe_key(key) == key]
    assert ordered[: len(unchanged)] == sorted(unchanged)
    raws = [safe_key(key) for key in ordered[len(unchanged) :]]
    assert raws == sorted(raws)
    assert all(raw_key_at(place_in_order(raw)) == raw for raw in raws)
