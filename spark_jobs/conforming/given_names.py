"""The names that a member like ``name`` may give the value beside it.

Values are those of ``exact_json``.
"""

from __future__ import annotations

from typing import Any, Iterator

from spark_jobs.conforming.exact_json import NotJsonError, Object, parse
from spark_jobs.conforming.mentions import MAY_BE_JSON, from_base64
from spark_jobs.conforming.text_tables import cells_of
from spark_jobs.schema.redacted_names import (
    LONGEST_ESCAPED_NAME,
    is_naming_key,
    is_value_key,
    meaning_of_name,
)

_DEEPEST = 4
"""Most objects, lists and texts that a name may be nested in."""


def names_given(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the names that a text or an object gives, also inside JSON text, even in base64."""
    kind = type(value)
    if depth > _DEEPEST:
        return
    if kind is str and value:
        yield value
        yield from _names_in_text(value, depth)
    elif kind is Object:
        for key, member in value.pairs:
            if is_naming_key(key):
                yield from names_given(member, depth + 1)


def names_listed(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the column names of a table in a list, also as text, or in a line of text.

    An object with a value of its own does not name a column.
    """
    kind = type(value)
    if depth > _DEEPEST:
        return
    if kind is list:
        for item in value:
            if type(item) is list:
                yield from names_listed(item, depth + 1)
            elif not _has_value(item):
                yield from names_given(item, depth + 1)
    elif kind is Object:
        for key, member in value.pairs:
            if is_naming_key(key):
                yield from names_listed(member, depth + 1)
    elif kind is str:
        yield from _names_of_columns(value, depth)


def _has_value(item: Any) -> bool:
    return type(item) is Object and any(is_value_key(key) for key, _ in item.pairs)


def names_mentioned(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of a list and the keys of an object, at any depth of the value.

    They may have values of their own: beside ``{"fields": {"cardNumber": "4..."}, ...}`` a value is
    something else, unless it is a card number.
    """
    kind = type(value)
    if depth > _DEEPEST or kind not in (list, Object):
        return
    for key, member in value.pairs if kind is Object else ((None, item) for item in value):
        name = member if key is None else key
        if type(name) is str:
            yield name
        yield from names_mentioned(member, depth + 1)


def _names_in_text(text: str, depth: int) -> Iterator[str]:
    if len(text) > LONGEST_ESCAPED_NAME:
        return
    inside = from_base64(text)
    if inside:
        yield from names_given(inside, depth + 1)
    elif text[:1] in MAY_BE_JSON:
        try:
            parsed = parse(text)
        except NotJsonError:
            return
        yield from names_given(parsed, depth + 1)


def _names_of_columns(text: str, depth: int) -> Iterator[str]:
    if text[:1] not in MAY_BE_JSON:
        if meaning_of_name(text) is not None and len(cells_of(text)) > 1:
            yield from cells_of(text)
        return
    try:
        parsed = parse(text)
    except NotJsonError:
        return
    if type(parsed) is list:
        yield from names_listed(parsed, depth + 1)
