"""Items of lists that are described by names of card data in the same list.

A name may stand before its value, ``["cardNumber", "4..."]``, or above it, in a table whose first
row has the names of its columns. Values are those of ``exact_json``.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Dict, List, Optional, Tuple

from spark_jobs.conforming.card_numbers import holds_card_number
from spark_jobs.conforming.exact_json import Number, Object
from spark_jobs.conforming.fates import (
    KEEP,
    NAMES_CARD_DATA,
    fate_of_name,
    goes,
    holds_only_card_number,
    meaning_at,
    value_in_text,
)
from spark_jobs.conforming.given_names import names_given, names_mentioned
from spark_jobs.conforming.paths import Path, keys_of
from spark_jobs.conforming.text_tables import TableHead, cells_of, head_of, is_data
from spark_jobs.schema.redacted_names import (
    AMBIGUOUS,
    NO_CERTAIN_NAME,
    Meaning,
    is_value_key,
    meaning_of_name,
)

_PAIR = 2
_MOST_NAMES = 8
"""Most names of one item that are tried: an object may give thousands."""
_DIGIT = re.compile("[0-9]")
_MAY_NAME = frozenset((str, list, Object))
_OBJECTS = frozenset((Object, type(None)))
_VALUE = re.compile("[0-9]{3}")
"""Characters that the name of a column does not contain."""


def named_items(items: List[Any], parent: Path) -> Dict[int, str]:
    """Return the indices of a list's items that are redacted, each with the name that causes it."""
    if _OBJECTS.issuperset(map(type, items)):  # objects name only their own members
        return {}
    columns, line = _columns(items, parent), _line_of_names(items)
    named = {}
    for index in range(1, len(items)):
        name = _name_before(items, index, parent) or _name_above(columns, items[index], parent)
        if name is None and line is not None:
            name = _name_in_line(*line, items[index])
        if name is not None:
            named[index] = name
    return named


def _name_before(items: List[Any], index: int, parent: Path) -> Optional[str]:
    """Return the name that the item before an item gives it."""
    before, value = items[index - 1], items[index]
    if type(before) not in _MAY_NAME or (type(before) is Object and type(value) is Object):
        return None
    is_pair = len(items) == _PAIR
    names = _names_that_matter(before, keys_of(parent))
    told = (name for name in names if _is_told_by(name, value, parent, is_pair))
    return next(told, None) or _name_mentioned(before, value)


def _name_mentioned(before: Any, value: Any) -> Optional[str]:
    """Return the name in a list or among keys before a card number, ``[["pan"], "4..."]``."""
    inside = value_in_text(before) if type(before) is str else before
    if type(inside) not in (list, Object) or not holds_only_card_number(value):
        return None
    names = (n for n in names_mentioned(inside) if meaning_of_name(n) in NAMES_CARD_DATA)
    return next(names, None)


def _is_told_by(name: str, value: Any, parent: Path, is_pair: bool) -> bool:
    """Whether a value is what the name before it says; it may lack digits only in a pair."""
    meaning = meaning_at(name, keys_of(parent))
    if meaning in AMBIGUOUS:
        return fate_of_name(name, parent) != KEEP and goes(name, value, parent)
    if meaning is not Meaning.CARD_DATA:
        return False
    if is_pair and type(value) is str and meaning_of_name(value) in NO_CERTAIN_NAME:
        return True
    return _has_data(value)


def _has_data(value: Any) -> bool:
    """Whether a value, or the value in a list or an object, has digits and is not a name."""
    if type(value) is list:
        return any(map(_has_data, value))
    if type(value) is Object:
        return any(is_value_key(key) and _has_data(member) for key, member in value.pairs)
    if type(value) is not str:
        return type(value) is Number
    return _DIGIT.search(value) is not None and meaning_of_name(value) in NO_CERTAIN_NAME


def _columns(items: List[Any], parent: Path) -> List[List[str]]:
    """Return the names of card data by column if the first item is a row of names, else nothing."""
    head = _cells(items[0]) if len(items) > 1 else []
    if any(map(_is_value, head)):
        return []
    above = keys_of(parent)
    columns = [_names_that_matter(cell, above) for cell in head]
    return columns if any(columns) else []


def _names_that_matter(value: Any, above: Tuple[str, ...]) -> List[str]:
    """Return the first few names of card data that a value gives."""
    names = (n for n in names_given(value) if meaning_at(n, above) in NAMES_CARD_DATA)
    return list(islice(names, _MOST_NAMES))


def _cells(row: Any) -> List[Any]:
    """Return the cells of a row that is a list, also if it is text."""
    cells = value_in_text(row) if type(row) is str else row
    return cells if type(cells) is list else []


def _is_value(cell: Any) -> bool:
    return type(cell) is not Object and (type(cell) is not str or _VALUE.search(cell) is not None)


def _name_above(columns: List[List[str]], row: Any, parent: Path) -> Optional[str]:
    """Return the name of a column in which a row has card data."""
    cells = zip(columns, _cells(row)) if columns else ()
    found = (name for names, cell in cells for name in names if _is_below(name, cell, parent))
    return next(found, None)


def _is_below(name: str, cell: Any, parent: Path) -> bool:
    if meaning_at(name, keys_of(parent)) is Meaning.CARD_DATA:
        return type(cell) in (str, Number) and is_data(cell)
    return _is_told_by(name, cell, parent, is_pair=False)


def _line_of_names(items: List[Any]) -> Optional[Tuple[str, TableHead]]:
    """Return the first item if it is the head of a table in lines, ``["id,cvv", "1,123"]``."""
    first = items[0]
    if type(first) is not str or len(cells_of(first)) == 1:
        return None
    head = head_of(first)
    return None if head is None else (first, head)


def _name_in_line(first: str, head: TableHead, line: Any) -> Optional[str]:
    """Return the name of a column in which a line has card data."""
    if type(line) is not str or not head.is_above_card_data(line):
        return None
    # What fast reading passes on is known by the whole line, or by a card number.
    if meaning_of_name(first) is None and not holds_card_number(line):
        return None
    return next((cell for cell in cells_of(first) if meaning_of_name(cell) is not None), first)
