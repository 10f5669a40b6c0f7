"""Where the values of a JSON text stand in it."""

from __future__ import annotations

import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C scanner json itself uses
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from spark_jobs.conforming.paths import Path, indices_below

_WHITE_SPACE = " \t\n\r"
_WHITE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^,\]}\s]+")


class Node(NamedTuple):
    """A value's place in a text; members of an object have their key and where it begins."""

    start: int
    end: int
    text: Optional[str]
    children: List[Tuple[Optional[str], int, Any]]
    is_object: bool


class SourceText:
    """A JSON text that stands at ``root`` in the document, to read values' own text from."""

    def __init__(self, text: str, root: Path) -> None:
        self._text = text
        self._root = root
        self._node: Optional[Node] = None

    def at(self, path: Path) -> str:
        """The text of the value at ``path``, which is below the root."""
        if self._node is None:  # once a text: there may be thousands of values to read from it
            self._node = spans(self._text)
        node = self._node
        for index in indices_below(path, self._root):
            node = node.children[index][2]
        return self._text[node.start : node.end]


def spans(text: str) -> Node:
    """The places of all values of a text that is known to be JSON."""
    return _value(text, _skip(text, 0))


def _value(text: str, at: int) -> Node:
    first = text[at]
    if first == '"':
        decoded, end = scanstring(text, at + 1, True)
        return Node(at, end, decoded, [], False)
    if first in "{[":
        return _container(text, at, _member if first == "{" else _element, first == "{")
    scalar = _SCALAR.match(text, at)
    assert scalar is not None
    return Node(at, scalar.end(), None, [], False)


def _container(
    text: str,
    start: int,
    child_at: Callable[[str, int], Tuple[Optional[str], int, Node]],
    is_object: bool,
) -> Node:
    children = []
    at = _skip(text, start + 1)
    while text[at] not in "}]":
        child = child_at(text, at)
        children.append(child)
        at = _skip(text, child[2].end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return Node(start, at + 1, None, children, is_object)


def _member(text: str, at: int) -> Tuple[Optional[str], int, Node]:
    key, end = scanstring(text, at + 1, True)
    colon = _skip(text, end)
    return key, at, _value(text, _skip(text, colon + 1))


def _element(text: str, at: int) -> Tuple[Optional[str], int, Node]:
    return None, at, _value(text, at)


def _skip(text: str, at: int) -> int:
    if text[at : at + 1] not in _WHITE_SPACE:
        return at
    white = _WHITE.match(text, at)
    assert white is not None
    return white.end()
