"""The fast path: JSON that is as the schema says, which nearly all of it is.

orjson parses, and functions compiled from the schema look at every value once, in place. Whatever
orjson may have changed (duplicate keys, literals) and whatever would have to be rescued makes a
text unfit, and the exact path reads it anew: what the two would read differently never ends here.
A property test compares them.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple, Union
from typing import Type as Class

import orjson

from spark_jobs.conforming.converters import are_categories
from spark_jobs.conforming.document import EMPTY, Findings
from spark_jobs.conforming.fates import BY_VALUE, KEEP, REDACT, fate
from spark_jobs.conforming.mentions import MAY_BE_JSON, may_hold_removed
from spark_jobs.conforming.paths import Path, name_of
from spark_jobs.conforming.scalars import (
    BOOLEAN_TEXTS,
    EXACT_FLOAT,
    LARGEST,
    SMALLEST,
    bigint_of,
    boolean_of,
    comes_back,
    double_of,
    integer_of,
)
from spark_jobs.schema.name_cache import cached_if_short
from spark_jobs.schema.redacted_names import (
    is_naming_key,
    is_value_key,
    meaning_of_name,
)
from spark_jobs.schema.types import Array, Column, Primitive, Struct, TextMap, Type

_DEEPEST_REMOVED = 100
"""Levels of a removed value; of more, the exact path sees whether they are too many."""

_CLASSES: Dict[str, Class[Any]] = {"string": str, "bigint": int, "boolean": bool}
_FLAT = frozenset((str, bool, type(None)))
_SPACED_COLON = re.compile(r'"[ \t\n\r]+:')
_NEGATIVE_ZERO = re.compile(r"-0[ \t\n\r,\]}]")
_LONG_FLOAT = re.compile(r"\.(?:(?<=[0-9]{9}\.)|[0-9]{8})")
_NEGATIVE_EXPONENT = re.compile(r"-(?<=[0-9][eE]-)[0-9]")
_NUMBER = re.compile(r"[0-9]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BEFORE_A_POINT = frozenset("0123456789.")
_DELIMITERS = frozenset(":,[]} \t\n\r")
_KNOWN_KEYS = 256
"""Keys of one place whose meaning is kept: more than strangers usually think of."""


class UnfitError(Exception):
    """The exact path has to read this text."""


Fit = Callable[[Any, Findings], Any]
"""Gives what the column holds for a value that is not null, or raises UnfitError."""


def compile_text(column: Column) -> Callable[[str], Tuple[Any, Findings]]:
    """A function that reads a nested column's text; it raises UnfitError for the exact path."""
    fit = _compile(column.type, (None, column.source_field, 0))

    def read(text: str) -> Tuple[Any, Findings]:
        findings = Findings()
        try:
            parsed = orjson.loads(text)
        except ValueError:
            raise UnfitError from None
        value = fit(parsed, findings)
        if findings.keys != _count_of_keys(text):
            raise UnfitError
        if findings.has_zero and _NEGATIVE_ZERO.search(text):
            raise UnfitError
        if findings.is_respelled and findings.redacted:
            raise UnfitError
        if findings.has_float and _may_be_rounded(text):
            raise UnfitError
        if findings.has_double and _may_be_rounded(text) and not _all_come_back(text):
            raise UnfitError
        return value, findings

    return read


def read_outer(text: str) -> Optional[Dict[str, Any]]:
    """A document's members, if each is text, a truth value or null and none is there twice.

    Then nothing that orjson may change is in it; None if the exact path has to read it.
    """
    try:
        members = orjson.loads(text)
    except ValueError:
        return None
    if type(members) is not dict or not _FLAT.issuperset(map(type, members.values())):
        return None
    return members if len(members) == _count_of_outer_keys(text, members) else None


def _may_be_rounded(text: str) -> bool:
    """Whether a float in a text may be integral only because it was rounded.

    With up to 8 digits before the point and 7 after it, a binary64 tells any two floats apart.
    """
    return bool(_LONG_FLOAT.search(text) or _NEGATIVE_EXPONENT.search(text))


def _all_come_back(text: str) -> bool:
    """Whether every number that may be rounded is what the shortest text of its float says."""
    places = [found.start() for found in _LONG_FLOAT.finditer(text)]
    places += [found.start() - 1 for found in _NEGATIVE_EXPONENT.finditer(text)]
    return all(_comes_back_at(text, place) for place in places)


def _comes_back_at(text: str, place: int) -> bool:
    """Whether a float gives the number back whose point or exponent stands at ``place``.

    What has no delimiter around it is in a string, and nobody reads it as a number.
    """
    while text[place - 1] in _BEFORE_A_POINT:
        place -= 1
    number = _NUMBER.match(text, place)
    before = text[place - 2] if text[place - 1] == "-" else text[place - 1]
    if number is None or before not in _DELIMITERS or text[number.end()] not in _DELIMITERS:
        return True
    return comes_back(number[0], float(number[0]))


def _count_of_keys(text: str) -> int:
    """How many members the objects of a JSON text have, duplicates included; -1 if hard to tell.

    A key ends in a quote before a colon, unless a backslash makes that part of a string. A string
    that begins with a colon counts too, which is one more than there are, never one less.
    """
    escapes = 0
    if "\\" in text:
        text = text.replace("\\\\", "")  # each backslash left begins an escape
        escapes = text.count('\\":')
    if _has_spaced_colon(text):
        return -1
    return text.count('":') - escapes


def _count_of_outer_keys(text: str, members: Dict[str, Any]) -> int:
    """The same of a text with objects only inside strings, where each quote is escaped."""
    if "\\" in "".join(members):  # then the quote after a key may look escaped
        return _count_of_keys(text)
    if _has_spaced_colon(text):
        return -1
    return text.count('":') - text.count('\\":')


def _has_spaced_colon(text: str) -> bool:
    """Whether there is white space between a key and its colon.

    Nearly no text has any before a colon, and four plain searches take a third of the pattern's
    time.
    """
    may_have = " :" in text or "\n" in text or "\t" in text or "\r" in text
    return may_have and _SPACED_COLON.search(text) is not None


def _compile(kind: Type, path: Path) -> Fit:
    """``path`` is where such values stand, with 0 for any place in a list."""
    if isinstance(kind, Struct):
        return _struct(kind, path)
    if isinstance(kind, Array):
        return _array(kind, path)
    if isinstance(kind, TextMap):
        return _text_map(path)
    return {"string": _string, "bigint": _bigint, "double": _double, "boolean": _boolean}[kind.name]


def _struct(kind: Struct, path: Path) -> Fit:
    fits = {name: _compile(field, (path, name, 0)) for name, field in kind.fields}
    usual = {name: _usual_class(field) for name, field in kind.fields}
    spelled_or_removed = _speller(kind, path)
    names = tuple(name for name, _ in kind.fields if is_naming_key(name))
    if not any(is_value_key(name) for name, _ in kind.fields):
        names = ()

    def fit(members: Any, findings: Findings) -> Any:
        if type(members) is not dict:
            return _emptied(members, findings)
        findings.keys += len(members)
        unknown: List[str] = []
        empty: List[str] = []
        for key, value in members.items():
            expected = usual.get(key)
            if type(value) is expected and (
                value[:1] not in MAY_BE_JSON
                if expected is str
                else expected is not int or value <= LARGEST
            ):
                continue
            if expected is None:
                unknown.append(key)
                continue
            fitted = None if value is None else fits[key](value, findings)
            if fitted is None:
                empty.append(key)
            else:
                members[key] = fitted
        for key in spelled_or_removed(members, unknown, findings) if unknown else ():
            value = members[key]
            members[key] = None if value is None else fits[key](value, findings)
            if members[key] is None:
                empty.append(key)
        for key in empty:
            del members[key]
        for name in names:
            _refuse_redacted_name(members.get(name))
        return members

    return fit


def _speller(
    kind: Struct, path: Path
) -> Callable[[Dict[str, Any], List[str], Findings], List[str]]:
    """A function that gives members of these keys, which no field has, their fields' spelling.

    It removes what never reaches the lake, and gives the fields' names.
    """
    folded = {name.lower(): name for name, _ in kind.fields}
    removes = _remover(path)

    def spelled_or_removed(
        members: Dict[str, Any], keys: List[str], findings: Findings
    ) -> List[str]:
        names = []
        for key in keys:
            value = members.pop(key)
            name = folded.get(key.lower())
            if name is None:
                if not removes(key, value, findings):
                    raise UnfitError
            elif name in members:
                raise UnfitError
            else:
                findings.is_respelled = True
                members[name] = value
                names.append(name)
        return names

    return spelled_or_removed


def _usual_class(kind: Type) -> Class[Any]:
    """What orjson gives for a value that needs no look; a nested one and a float always need it."""
    return _CLASSES.get(kind.name, Struct) if isinstance(kind, Primitive) else Struct


def _remover(parent: Path) -> Callable[[str, Any, Findings], bool]:
    below = name_of(parent)

    @cached_if_short(_KNOWN_KEYS)
    def fate_of(key: str) -> Tuple[int, str]:
        """What becomes of a key, and the path that its removal is counted by."""
        found = fate(key, parent)
        return found, f"{below}/{key}" if found == REDACT else name_of((parent, key, 0)).lower()

    def removes(key: str, value: Any, findings: Findings) -> bool:
        """Whether a member never reaches the lake; counts its redaction and the keys inside it."""
        found, counted_as = fate_of(key)
        if found == KEEP:
            return False
        if found == BY_VALUE:
            raise UnfitError
        (findings.redacted if found == REDACT else findings.cleaned).append(counted_as)
        if value and (type(value) is dict or type(value) is list):
            findings.keys += _keys_within(value, 0)
        return True

    return removes


def _refuse_redacted_name(value: Any) -> None:
    """Leave the text to the exact path if a member gives the object's value a redacted name."""
    if type(value) is str and meaning_of_name(value) is not None:
        raise UnfitError


def _keys_within(value: Union[Dict[str, Any], List[Any]], depth: int) -> int:
    if depth > _DEEPEST_REMOVED:
        raise UnfitError
    keys, items = (len(value), value.values()) if type(value) is dict else (0, value)
    for item in items:
        if type(item) is dict or type(item) is list:
            keys += _keys_within(item, depth + 1)
    return keys


def _array(kind: Array, path: Path) -> Fit:
    element = _compile(kind.element, (path, 0, 0))
    of_texts = kind.element == Primitive("string")
    of_categories = are_categories(path)
    texts_of = _text_members(path)

    def fit(value: Any, findings: Findings) -> Any:
        if type(value) is list:
            if of_texts and len(value) > 1:
                for item in value:
                    _refuse_redacted_name(item)
            return [None if item is None else element(item, findings) for item in value]
        if of_categories and type(value) is dict:
            return [{"id": key, "name": text} for key, text in texts_of(value, findings).items()]
        return _emptied(value, findings)

    return fit


def _text_map(path: Path) -> Fit:
    texts_of = _text_members(path)

    def fit(value: Any, findings: Findings) -> Any:
        if type(value) is not dict:
            return _emptied(value, findings)
        return [{"key": key, "value": text} for key, text in texts_of(value, findings).items()]

    return fit


def _text_members(path: Path) -> Callable[[Dict[str, Any], Findings], Dict[str, Optional[str]]]:
    """A function that gives the members of a free-form object as text."""
    removes = _remover(path)

    def texts_of(members: Dict[str, Any], findings: Findings) -> Dict[str, Optional[str]]:
        findings.keys += len(members)
        texts = {}
        for key, value in members.items():
            if removes(key, value, findings):
                continue
            if is_naming_key(key):
                _refuse_redacted_name(value)
            texts[key] = None if value is None else _string(value, findings)
        return texts

    return texts_of


def _emptied(value: Any, findings: Findings) -> Any:
    """Null for empty text where that is not text's place; everything else is unfit."""
    if type(value) is not str or value not in EMPTY:
        raise UnfitError
    findings.emptied += 1


def _string(value: Any, findings: Findings) -> str:
    if type(value) is str:
        if value[:1] in MAY_BE_JSON and may_hold_removed(value):
            raise UnfitError
        return value
    if type(value) is bool:
        return BOOLEAN_TEXTS[value]
    if type(value) is not int:
        raise UnfitError
    findings.has_zero |= not value
    return str(value)


def _bigint(value: Any, findings: Findings) -> Optional[int]:
    if type(value) is int and SMALLEST <= value <= LARGEST:
        return value
    if type(value) is float and (integer := integer_of(value)) is not None:
        findings.has_float = True
        return integer
    number = bigint_of(value, is_literal=False) if type(value) is str else None
    return _emptied(value, findings) if number is None else number


def _double(value: Any, findings: Findings) -> Optional[float]:
    if type(value) is float or type(value) is int:
        if not -EXACT_FLOAT <= value <= EXACT_FLOAT:
            raise UnfitError
        findings.has_zero |= not value
        findings.has_double = True
        return float(value)
    number = double_of(value) if type(value) is str else None
    if number is not None and not comes_back(value, number):
        raise UnfitError
    return _emptied(value, findings) if number is None else number


def _boolean(value: Any, findings: Findings) -> Optional[bool]:
    if type(value) is bool:
        return value
    flag = boolean_of(value) if type(value) is str else None
    return _emptied(value, findings) if flag is None else flag
