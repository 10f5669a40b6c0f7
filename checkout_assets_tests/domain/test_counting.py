"""Counts are told in the grammar that fits them."""

import pytest

from checkout_assets.domain.counting import in_number, of_folders


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 objects are missing"),
        (1, "1 object is missing"),
        (2, "2 objects are missing"),
        (1234, "1,234 objects are missing"),
    ],
)
def test_noun_and_verb_fit_the_count(count: int, told: str) -> None:
    assert in_number(count, "# object[|s] [is|are] missing") == told


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 1, "0 of 1 folder are not complete"),
        (1, 1, "1 of 1 folder is not complete"),
        (1, 3, "1 of 3 folders is not complete"),
        (2, 3, "2 of 3 folders are not complete"),
    ],
)
def test_the_noun_fits_the_whole_and_the_verb_the_part(part: int, whole: int, told: str) -> None:
    assert of_folders(part, whole, " [is|are] not complete") == told
