"""Positions of the values in a JSON text, to cut or replace parts and keep the rest as it is.

Uses only the standard library, for the platform and the Spark job.
"""

from __future__ import annotations

import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C scanner json itself uses
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

_WHITE_SPACE = " \t\n\r"
_WHITE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^,\]}\s]+")

Child = Tuple[Optional[str], int, Any]
"""A member's key (None for a list's item), the position where it begins, its value's node."""


class Node(NamedTuple):
    """A value's position in a text, and its children."""

    start: int
    end: int
    children: Sequence[Child]


_node = tuple.__new__
"""Makes a named tuple without a call in Python."""


def spans(text: str) -> Node:
    """The positions of all values in a text that is known to be valid JSON."""
    return _value(text, _skip(text, 0))


def _value(text: str, at: int) -> Node:
    first = text[at]
    if first == '"':
        return _node(Node, (at, scanstring(text, at + 1, True)[1], ()))
    if first in "{[":
        return _container(text, at, first == "{")
    scalar = _SCALAR.match(text, at)
    assert scalar is not None
    return _node(Node, (at, scalar.end(), ()))


def _container(text: str, start: int, is_object: bool) -> Node:
    children: List[Child] = []
    at = _skip(text, start + 1)
    while text[at] not in "}]":
        key, begin = None, at
        if is_object:
            key, at = scanstring(text, at + 1, True)
            at = _skip(text, _skip(text, at) + 1)
        value = _value(text, at)
        children.append((key, begin, value))
        at = value.end
        if text[at] in _WHITE_SPACE:
            at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return _node(Node, (start, at + 1, children))


def _skip(text: str, at: int) -> int:
    if text[at : at + 1] not in _WHITE_SPACE:
        return at
    white = _WHITE.match(text, at)
    assert white is not None
    return white.end()
