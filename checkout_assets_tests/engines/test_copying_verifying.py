"""Verifying in blocks says the same as looking at each object."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.domain.verification import OutOfOrderError, Verdict, compare
from checkout_assets.engines.copying.verifying import Block, verify

OBJECTS = st.dictionaries(
    st.text("abc~", min_size=1, max_size=3), st.tuples(st.integers(0, 1), st.sampled_from("xy"))
)
CUTS = st.lists(st.integers(1, 5), max_size=12)


def blocks(objects: dict[str, tuple[int, str]], cuts: list[int]) -> list[Block]:
    rows = [(place, *objects[place]) for place in sorted(objects)]
    found, at = [], 0
    for count in [*cuts, len(rows)]:
        part = rows[at : at + count]
        found.append(Block(*map(list, zip(*part, strict=True))) if part else Block([], [], []))
        at += count
    return found


@given(OBJECTS, OBJECTS, CUTS, CUTS)
def test_blocks_give_the_verdicts_of_single_objects(
    wanted: dict[str, tuple[int, str]],
    there: dict[str, tuple[int, str]],
    cuts: list[int],
    others: list[int],
) -> None:
    one_by_one = Counter(
        verdict for _, verdict in compare(sorted(wanted.items()), sorted(there.items()))
    )
    assert +verify(blocks(wanted, cuts), blocks(there, others)) == one_by_one


@given(OBJECTS, CUTS, CUTS)
def test_what_is_equal_matches_however_it_is_cut(
    objects: dict[str, tuple[int, str]], cuts: list[int], others: list[int]
) -> None:
    verdicts = verify(blocks(objects, cuts), blocks(objects, others))
    assert +verdicts == +Counter({Verdict.MATCH: len(objects)})


@pytest.mark.parametrize("places", [["b", "a"], ["a", "a"], ["a", "c", "b", "d"]])
def test_sides_that_do_not_ascend_are_refused_even_if_they_are_equal(places: list[str]) -> None:
    """Equal disorder would hide that both sides lost something."""
    block = Block(places, [1] * len(places), ["x"] * len(places))
    with pytest.raises(OutOfOrderError):
        verify([block], [block])
    with pytest.raises(OutOfOrderError):
        verify([block.part(0, 1), block.part(1, 9)], [block])


def test_an_object_listed_twice_at_the_edge_of_a_page_is_no_match() -> None:
    wanted = Block(["a", "b", "c"], [1, 1, 1], ["x", "x", "x"])
    verdicts = verify([wanted], [wanted.part(0, 2), wanted.part(1, 3)])
    assert verdicts[Verdict.MISSING_ON_SOURCE] == 1
