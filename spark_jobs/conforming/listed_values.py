"""Items of lists that names of card data in the same list are about.

A name may stand before its value, ``["cardNumber", "4..."]``, or above it, in a table whose first
row has the names of its columns. Values are those of ``exact_json``.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

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
from spark_jobs.conforming.text_tables import cells_of, holds_column_of_card_data, is_data
from spark_jobs.schema.redacted_names import (
    AMBIGUOUS,
    NO_CERTAIN_NAME,
    Meaning,
    is_value_key,
    meaning_of_name,
)

_PAIR = 2
_DIGIT = re.compile("[0-9]")
_MAY_NAME = frozenset((str, list, Object))
_OBJECTS = frozenset((Object, type(None)))
_VALUE = re.compile("[0-9]{3}")
"""What the name of a column does not have in it."""


def named_items(items: List[Any], parent: Path) -> Dict[int, str]:
    """The places of a list's items that are redacted, each with the name it goes for."""
    if _OBJECTS.issuperset(map(type, items)):  # which name nothing but their own members
        return {}
    columns = _columns(items, parent)
    named = {}
    for index in range(1, len(items)):
        name = _name_before(items, index, parent)
        if name is None:
            name = _name_above(columns, items[index], parent) or _name_in_line(items, index)
        if name is not None:
            named[index] = name
    return named


def _name_before(items: List[Any], index: int, parent: Path) -> Optional[str]:
    """The name that the item before an item gives it."""
    before, value = items[index - 1], items[index]
    if type(before) not in _MAY_NAME or (type(before) is Object and type(value) is Object):
        return None
    is_pair = len(items) == _PAIR
    told = (n for n in names_given(before) if _is_told_by(n, value, parent, is_pair))
    return next(told, None) or _name_mentioned(before, value)


def _name_mentioned(before: Any, value: Any) -> Optional[str]:
    """The name in a list or among keys before a card number, ``[["pan"], "4..."]``."""
    inside = value_in_text(before) if type(before) is str else before
    if type(inside) not in (list, Object) or not holds_only_card_number(value):
        return None
    names = (n for n in names_mentioned(inside) if meaning_of_name(n) in NAMES_CARD_DATA)
    return next(names, None)


def _is_told_by(name: str, value: Any, parent: Path, is_pair: bool) -> bool:
    """Whether a value is what a name before it says; only in a pair it may be without digits."""
    meaning = meaning_at(name, keys_of(parent))
    if meaning in AMBIGUOUS:
        return fate_of_name(name, parent) != KEEP and goes(name, value, parent)
    if meaning is not Meaning.CARD_DATA:
        return False
    if is_pair and type(value) is str and meaning_of_name(value) in NO_CERTAIN_NAME:
        return True
    return _has_data(value)


def _has_data(value: Any) -> bool:
    """Whether a value, or the value in a list or an object, has digits and is no name."""
    if type(value) is list:
        return any(map(_has_data, value))
    if type(value) is Object:
        return any(is_value_key(key) and _has_data(member) for key, member in value.pairs)
    if type(value) is not str:
        return type(value) is Number
    return _DIGIT.search(value) is not None and meaning_of_name(value) in NO_CERTAIN_NAME


def _columns(items: List[Any], parent: Path) -> List[List[str]]:
    """The names of card data by column, if the first item is a row of names; else no columns."""
    head = _cells(items[0]) if len(items) > 1 else []
    if any(map(_is_value, head)):
        return []
    above = keys_of(parent)
    columns = [
        [name for name in names_given(cell) if meaning_at(name, above) in NAMES_CARD_DATA]
        for cell in head
    ]
    return columns if any(columns) else []


def _cells(row: Any) -> List[Any]:
    """The cells of a row that is a list, perhaps as text."""
    cells = value_in_text(row) if type(row) is str else row
    return cells if type(cells) is list else []


def _is_value(cell: Any) -> bool:
    return type(cell) is not Object and (type(cell) is not str or _VALUE.search(cell) is not None)


def _name_above(columns: List[List[str]], row: Any, parent: Path) -> Optional[str]:
    """The name of a column in which a row has card data."""
    cells = zip(columns, _cells(row)) if columns else ()
    found = (name for names, cell in cells for name in names if _is_below(name, cell, parent))
    return next(found, None)


def _is_below(name: str, cell: Any, parent: Path) -> bool:
    if meaning_at(name, keys_of(parent)) is Meaning.CARD_DATA:
        return type(cell) in (str, Number) and is_data(cell)
    return _is_told_by(name, cell, parent, is_pair=False)


def _name_in_line(items: List[Any], index: int) -> Optional[str]:
    """The name of a column if the items are a table's lines, ``["id,cvv", "1,123"]``."""
    head, line = items[0], items[index]
    if type(head) is not str or type(line) is not str:
        return None
    if meaning_of_name(head) is None and not holds_card_number(line):
        return None
    cells = cells_of(head)
    if len(cells) == 1 or not holds_column_of_card_data(f"{head}\n{line}"):
        return None
    return next((cell for cell in cells if meaning_of_name(cell) is not None), head)
