"""Tables written as text: a line of column names above lines of values, as in CSV."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional, Tuple

from spark_jobs.conforming.card_numbers import holds_card_number
from spark_jobs.schema.escapes import unquoted
from spark_jobs.schema.redacted_names import (
    CARD_WORD,
    NO_CERTAIN_NAME,
    Meaning,
    meaning_of_name,
    plain,
)

_DELIMITERS = ",;|\t"
_LINE_END = re.compile(r"[\r\n]+|\\[rn]")
"""A line end, also one that is still escaped."""
_NOT_IN_NAMES = re.compile(r"[,;|\"\\\x00-\x1f]")
_AROUND_NAMES = " \t\"'\\"
_THREE_DIGITS = re.compile("[0-9](?:[^0-9]*[0-9]){2}")
_CARD_NUMBERS = frozenset((Meaning.CARD_DATA, Meaning.CARD, Meaning.MAYBE_NUMBER))
_FEWEST = 2
"""Fewest lines of a table, and fewest columns if the first line does not name them."""


def cells_of(line: str) -> List[str]:
    """Split a line into cells, by its most frequent delimiter."""
    return line.split(_delimiter_of(line))


def names_column(cell: str) -> bool:
    """Whether a cell is a name of card data that contains CVV, or the word card in any language."""
    name = cell.strip(_AROUND_NAMES)
    return (
        meaning_of_name(name) is Meaning.CARD_DATA
        and _NOT_IN_NAMES.search(name) is None
        and CARD_WORD.search(plain(unquoted(name))) is not None
    )


def is_data(cell: str) -> bool:
    """Whether a cell below a name of card data is data: three digits or more, and not a name."""
    return _THREE_DIGITS.search(cell) is not None and meaning_of_name(cell) in NO_CERTAIN_NAME


def holds_column_of_card_data(text: str) -> bool:
    """Whether a text contains a table that has a column of card data with digits in it.

    In a column whose name is ambiguous only a card number counts.
    """
    lines = [line for line in _LINE_END.split(text) if line.strip()]
    if len(lines) < _FEWEST:
        return False
    head = head_of(lines[0])
    for line in lines[1:]:
        if head is not None and head.is_above_card_data(line):
            return True
        below = head_of(line)
        head = below if below is not None and len(below.columns) >= _FEWEST else head
    return False


@dataclass(frozen=True)
class TableHead:
    """A line of column names; ``columns`` says of each whether it is certainly card data."""

    delimiter: str
    columns: Tuple[Optional[bool], ...]

    def is_above_card_data(self, line: str) -> bool:
        """Whether a line below it has card data; with more cells than names, any cell counts."""
        cells = line.split(self.delimiter)
        if len(cells) < len(self.columns):
            return False
        if len(cells) == len(self.columns):
            return any(map(_is_card_data, self.columns, cells))
        return any(_is_card_data(column, cell) for column in set(self.columns) for cell in cells)


def _is_card_data(column: Optional[bool], cell: str) -> bool:
    if column is None:
        return False
    return holds_card_number(cell) or (column and is_data(cell))


def head_of(line: str) -> Optional[TableHead]:
    """Return the names of columns in a line; None if card data is not among them."""
    delimiter = _delimiter_of(line)
    columns = tuple(map(_kind_of, line.split(delimiter)))
    return TableHead(delimiter, columns) if any(kind is not None for kind in columns) else None


def _kind_of(cell: str) -> Optional[bool]:
    if names_column(cell):
        return True
    return False if meaning_of_name(cell.strip()) in _CARD_NUMBERS else None


def _delimiter_of(line: str) -> str:
    return max(_DELIMITERS, key=line.count)
