"""Joining and comparing sorted listings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.domain.verification import (
    OutOfOrderError,
    Seen,
    Verdict,
    compare,
    merge_join,
    merge_join_three,
)

sides = st.dictionaries(st.text("ab/é😀", max_size=4), st.integers(0, 3), max_size=12)


@given(sides, sides)
def test_a_join_gives_every_key_of_either_side_once(
    left: dict[str, int], right: dict[str, int]
) -> None:
    joined = list(merge_join(sorted(left.items()), sorted(right.items())))

    assert [key for key, _, _ in joined] == sorted({*left, *right})
    assert all((one, two) == (left.get(key), right.get(key)) for key, one, two in joined)


@given(sides)
def test_a_side_that_does_not_ascend_is_refused(side: dict[str, int]) -> None:
    items = sorted(side.items(), reverse=True)
    if len(items) > 1:
        with pytest.raises(OutOfOrderError):
            list(merge_join(items, []))
        with pytest.raises(OutOfOrderError):
            list(merge_join([], items))


def test_a_key_listed_twice_is_refused() -> None:
    with pytest.raises(OutOfOrderError):
        list(merge_join([("a", 1), ("a", 1)], []))


def test_every_verdict() -> None:
    expected = {"different": Seen(1, "x"), "gone": Seen(1, "x"), "same": Seen(1, "x")}
    found = {"different": Seen(1, "y"), "extra": Seen(1, "x"), "same": Seen(1, "x")}

    assert dict(compare(sorted(expected.items()), sorted(found.items()))) == {
        "different": Verdict.DIFFER,
        "extra": Verdict.MISSING_ON_SOURCE,
        "gone": Verdict.MISSING_ON_RAW,
        "same": Verdict.MATCH,
    }


def test_another_size_differs() -> None:
    ((_, verdict),) = compare([("a", Seen(1, "x"))], [("a", Seen(2, "x"))])
    assert verdict is Verdict.DIFFER


@given(*[st.dictionaries(st.sampled_from("abcdefgh"), st.integers()) for _ in range(3)])
def test_three_sides_are_joined_as_dictionaries_would_be(
    first: dict[str, int], second: dict[str, int], third: dict[str, int]
) -> None:
    joined = list(merge_join_three(*(sorted(side.items()) for side in (first, second, third))))
    assert joined == [
        (key, first.get(key), second.get(key), third.get(key))
        for key in sorted({*first, *second, *third})
    ]


@pytest.mark.parametrize("side", range(3))
@pytest.mark.parametrize("keys", ["abb", "ba"])
def test_each_of_three_sides_must_ascend(side: int, keys: str) -> None:
    sides: list[list[tuple[str, int]]] = [[("a", 1)], [("a", 1)], [("a", 1)]]
    sides[side] = [(key, 1) for key in keys]
    with pytest.raises(OutOfOrderError):
        list(merge_join_three(*sides))
