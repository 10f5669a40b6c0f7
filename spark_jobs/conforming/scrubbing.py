"""Removing what never reaches the lake from values that are, or parse as, JSON.

Text is cut, not written anew: whatever stays, stays as it was, to the letter.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C scanner json itself uses
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from spark_jobs.conforming.exact_json import NotJsonError, Number, Object, parse
from spark_jobs.conforming.paths import Path, folded_keys, indices_below, name_of
from spark_jobs.schema.removals import (
    BILLING_ADDRESS,
    CLEANED_BELOW,
    CLEANED_IF_CONTAINING,
    PAYMENTS,
    REDACTED,
)

MAY_BE_JSON = frozenset('{["\t\n\r ')
"""First characters of text that may parse as an object, an array, or text that does so again."""

_CLEANED_NAMES = frozenset(place[-1] for place in CLEANED_BELOW)
_CLEANED_PLACES = frozenset(CLEANED_BELOW)
_OPENS_JSON = frozenset('{["')
_SOME_REMOVED = re.compile(
    CLEANED_IF_CONTAINING
    + r'|"(?:{})\\*"'.format(
        "|".join(map(re.escape, sorted(REDACTED | PAYMENTS | _CLEANED_NAMES | {BILLING_ADDRESS})))
    )
)
_WHITE_SPACE = " \t\n\r"
_WHITE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^,\]}\s]+")

KEEP, CLEAN, REDACT = 0, 1, 2


def fate(key: str, parent: Path) -> int:
    """What becomes of a member by its name and place: KEEP, CLEAN or REDACT."""
    folded = key.lower()
    if folded in REDACTED:
        return REDACT
    if CLEANED_IF_CONTAINING in folded:
        return CLEAN
    if folded in _CLEANED_NAMES and (*folded_keys(parent), folded) in _CLEANED_PLACES:
        return CLEAN
    if folded == BILLING_ADDRESS and not PAYMENTS.isdisjoint(folded_keys(parent)):
        return REDACT
    return KEEP


def may_hold_removed(text: str) -> bool:
    """Whether a text, if it is JSON, may hold a member that goes; false means certainly not."""
    if text.lstrip(_WHITE_SPACE)[:1] not in _OPENS_JSON:
        return False
    # A name may hide behind escapes of its letters, in this text or in text within it.
    return "\\u" in text or _SOME_REMOVED.search(text.lower()) is not None


class Scrubber:
    """Removes members by their names and counts redactions by path."""

    def __init__(self) -> None:
        self.redacted: Counter[str] = Counter()

    def removes(self, key: str, value: Any, parent: Path, index: int) -> bool:
        """Whether a member goes; counts it if it is redacted."""
        found = fate(key, parent)
        if found == KEEP and type(value) is str and self.is_unreadable_payment(key, value):
            found = REDACT
        if found == REDACT:
            self.redacted[name_of((parent, key, index))] += 1
        return found != KEEP

    @staticmethod
    def is_unreadable_payment(key: str, text: str) -> bool:
        """Whether this is payment data that does not parse and so cannot be looked into."""
        if key.lower() not in PAYMENTS or text in {"", "null"}:
            return False
        try:
            parsed = parse(text)
        except NotJsonError:
            return True
        return type(parsed) is str and Scrubber.is_unreadable_payment(key, parsed)

    def value(self, value: Any, path: Path) -> Any:
        """A parsed value without what must go; text inside it is scrubbed too."""
        if type(value) is str:
            return self.text(value, path)
        if type(value) is list:
            return [self.value(v, (path, i, i)) for i, v in enumerate(value)]
        if type(value) is Object:
            return Object(
                [
                    (key, self.value(member, (path, key, index)))
                    for index, (key, member) in enumerate(value.pairs)
                    if not self.removes(key, member, path, index)
                ]
            )
        return value

    def text(self, text: str, path: Path) -> str:
        """A text without what must go, if it parses as JSON; else as it is."""
        if text[:1] not in MAY_BE_JSON or not may_hold_removed(text):
            return text
        try:
            parsed = parse(text)
        except NotJsonError:
            return text
        if parsed is None or type(parsed) in (bool, Number):
            return text
        return _cut(self, text, path)


class _Node(NamedTuple):
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
        self._node: Optional[_Node] = None

    def at(self, path: Path) -> str:
        """The text of the value at ``path``, which is below the root."""
        if self._node is None:  # once a text: there may be thousands of values to read from it
            self._node = _spans(self._text)
        node = self._node
        for index in indices_below(path, self._root):
            node = node.children[index][2]
        return self._text[node.start : node.end]


def _cut(scrubber: Scrubber, text: str, path: Path) -> str:
    root = _spans(text)
    return text[: root.start] + _kept(scrubber, text, root, path) + text[root.end :]


def _kept(scrubber: Scrubber, text: str, node: _Node, path: Path) -> str:
    if node.text is not None:
        scrubbed = scrubber.text(node.text, path)
        if scrubbed == node.text:
            return text[node.start : node.end]
        return json.dumps(scrubbed, ensure_ascii=False)
    if not node.children:
        return text[node.start : node.end]
    pieces: List[str] = []
    last = node.start + 1
    for index, (key, start, child) in enumerate(node.children):
        separator, last = text[last:start], child.end
        if key is not None and scrubber.removes(key, child.text, path, index):
            continue
        below = (path, index if key is None else key, index)
        # The first that stays needs no comma, whatever stood before it.
        lead = separator if pieces or not index else ""
        member = text[start : child.start] + _kept(scrubber, text, child, below)
        pieces.append(lead + member)
    return text[node.start] + "".join(pieces) + text[last : node.end]


def _spans(text: str) -> _Node:
    """The places of all values of a text that is known to be JSON."""
    return _value(text, _skip(text, 0))


def _value(text: str, at: int) -> _Node:
    first = text[at]
    if first == '"':
        decoded, end = scanstring(text, at + 1, True)
        return _Node(at, end, decoded, [], False)
    if first in "{[":
        return _container(text, at, _member if first == "{" else _element, first == "{")
    scalar = _SCALAR.match(text, at)
    assert scalar is not None
    return _Node(at, scalar.end(), None, [], False)


def _container(
    text: str,
    start: int,
    child_at: Callable[[str, int], Tuple[Optional[str], int, _Node]],
    is_object: bool,
) -> _Node:
    children = []
    at = _skip(text, start + 1)
    while text[at] not in "}]":
        child = child_at(text, at)
        children.append(child)
        at = _skip(text, child[2].end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return _Node(start, at + 1, None, children, is_object)


def _member(text: str, at: int) -> Tuple[Optional[str], int, _Node]:
    key, end = scanstring(text, at + 1, True)
    colon = _skip(text, end)
    return key, at, _value(text, _skip(text, colon + 1))


def _element(text: str, at: int) -> Tuple[Optional[str], int, _Node]:
    return None, at, _value(text, at)


def _skip(text: str, at: int) -> int:
    if text[at : at + 1] not in _WHITE_SPACE:
        return at
    white = _WHITE.match(text, at)
    assert white is not None
    return white.end()
