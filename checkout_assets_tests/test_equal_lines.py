"""An idea stands in one place: no run of equal lines is longer than a signature."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = sorted(p for top in ("checkout_assets", "spark_jobs") for p in (ROOT / top).rglob("*.py"))
LONGEST = 10
"""Lines. The longest run of today is 8: the standard signature of ``__exit__`` and its start."""

Place = tuple[str, int]
"""A file and the number of a line in it."""


def lines_of(text: str) -> list[tuple[int, str]]:
    """Each line that says something, stripped, with its number; imports must be alike."""
    imports = {
        number
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and number not in imports
    ]


def windows(texts: Mapping[str, str], length: int) -> Iterator[tuple[tuple[str, ...], Place]]:
    for name, text in texts.items():
        lines = lines_of(text)
        for first in range(len(lines) - length + 1):
            window = lines[first : first + length]
            yield tuple(line for _, line in window), (name, window[0][0])


def equal_runs(texts: Mapping[str, str], length: int) -> list[tuple[Place, Place]]:
    """Where so many equal lines stand twice, in one file or in two."""
    places: dict[Sequence[str], list[Place]] = defaultdict(list)
    for window, place in windows(texts, length):
        places[window].append(place)
    return [pair for found in places.values() for pair in combinations(found, 2)]


def test_no_run_of_lines_stands_twice() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in PRODUCT}
    assert equal_runs(texts, LONGEST + 1) == []


def test_a_copy_is_seen_whatever_its_indentation_and_blank_lines() -> None:
    lines = [f"line_{number} = {number}" for number in range(LONGEST + 1)]
    copy = "if True:\n\n" + "\n\n".join(f"    {line}" for line in lines)
    texts = {"one": "\n".join(["import os", *lines]), "other": copy}
    assert equal_runs(texts, LONGEST + 1) == [(("one", 2), ("other", 3))]


def test_equal_imports_are_no_copy() -> None:
    imports = "\n".join(f"import module_{number}" for number in range(LONGEST + 1))
    assert equal_runs({"one": imports, "other": imports}, LONGEST + 1) == []
