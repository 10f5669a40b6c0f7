"""Counts are told in the grammar that fits them."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from checkout_assets.domain.counting import in_number, of_folders

ROOT = Path(__file__).parents[2]
NEVER_ONE = (" objects with that digest prefix", " objects/s")
"""What follows a count that is never one, or a unit."""
NO_COUNT = (" files hold ", " runs backwards: write ")
"""What follows another value."""


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


SENTENCE_OF_A_COUNT = re.compile(
    r"\A (?:[a-z]+ )?(?:object|document|row|folder|file|name|value|run)s\b"
)


def counts_with_a_fixed_noun(path: Path) -> Iterator[str]:
    """Where an f-string puts a plural after a value, whatever the value is."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            for value, after in pairwise(node.values):
                told = str(after.value) if isinstance(after, ast.Constant) else ""
                plural = SENTENCE_OF_A_COUNT.match(told) and told not in NEVER_ONE + NO_COUNT
                if isinstance(value, ast.FormattedValue) and plural:
                    yield f"{path.name}:{node.lineno}: {told}"


def test_no_sentence_has_a_plural_of_its_own_after_a_count() -> None:
    modules = [*ROOT.glob("checkout_assets/**/*.py"), *ROOT.glob("spark_jobs/**/*.py")]
    found = [place for path in modules for place in counts_with_a_fixed_noun(path)]
    assert found == []
