"""Work in tasks: everything once, evenly, and never too much in one."""

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.job.packing import packed

WEIGHTS = st.lists(st.integers(0, 1000), max_size=40)


@given(WEIGHTS, st.integers(1, 2000), st.integers(1, 12))
def test_every_item_is_in_one_group(weights: list[int], heaviest: int, at_least: int) -> None:
    groups = packed(weights, lambda weight: weight, heaviest, at_least)
    assert sorted(weight for group in groups for weight in group) == sorted(weights)
    assert all(groups)


@given(WEIGHTS, st.integers(1, 2000), st.integers(1, 12))
def test_no_group_is_heavier_than_the_mean_and_one_item(
    weights: list[int], heaviest: int, at_least: int
) -> None:
    groups = packed(weights, lambda weight: weight, heaviest, at_least)
    for group in groups:
        assert sum(group) <= sum(weights) / len(groups) + max(weights)


def test_the_number_of_groups_follows_weight_and_wish() -> None:
    assert len(packed([10] * 20, lambda weight: weight, 50, 2)) == 4
    assert len(packed([10] * 20, lambda weight: weight, 1000, 6)) == 6
    assert len(packed([10, 10], lambda weight: weight, 1, 6)) == 2
    assert packed([], lambda weight: weight, 50, 6) == []
