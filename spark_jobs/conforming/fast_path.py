"""The fast path for JSON that matches the schema, as nearly all of it does.

orjson parses, and functions compiled from the schema check every value once, in place. A text is
unfit if orjson may have changed something in it (duplicate keys, literals), or if a value would
have to be rescued. The exact path then parses the text again. So a text that the two paths would
read differently is never finished here. A property test compares them.
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import Any, Callable, Dict, List, Optional, Tuple
from typing import Type as Class

import orjson

from spark_jobs.conforming.converters import are_categories
from spark_jobs.conforming.document import Findings
from spark_jobs.conforming.fates import BY_VALUE, KEEP, REDACT, fate
from spark_jobs.conforming.mentions import MAY_BE_JSON, may_hold_removed
from spark_jobs.conforming.paths import Path, name_of
from spark_jobs.conforming.scalars import (
    BOOLEAN_TEXTS,
    EMPTY,
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

_CLASSES: Dict[str, Class[Any]] = {"string": str, "bigint": int, "boolean": bool}
_FLAT = frozenset((str, bool, type(None)))
_NEGATIVE_ZERO = re.compile(r"-0[ \t\n\r,\]}]")
_LONG_FLOAT = re.compile(r"\.(?:(?<=[0-9]{9}\.)|[0-9]{8})")
_NEGATIVE_EXPONENT = re.compile(r"-(?<=[0-9][eE]-)[0-9]")
_NUMBER = re.compile(r"[0-9]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_OPENS_JSON = frozenset('{["')
_BEFORE_A_POINT = frozenset("0123456789.")
_DELIMITERS = frozenset(":,[]} \t\n\r")
_KNOWN_KEYS = 256
"""Keys per place whose meaning is cached: more than the number of unknown keys expected there."""


class UnfitError(Exception):
    """The exact path has to read this text."""


Fit = Callable[[Any, Findings], Any]
"""Returns the column's value for a value that is not null, or raises UnfitError."""


def compile_text(column: Column) -> Callable[[str], Tuple[Any, Findings]]:
    """Compile a function that reads a nested column's text, or raises UnfitError."""
    fit = _compile(column.type, (None, column.source_field, 0))

    def read(text: str) -> Tuple[Any, Findings]:
        findings = Findings()
        try:
            parsed = orjson.loads(text)
            written = orjson.dumps(parsed)
        except (ValueError, TypeError):  # invalid JSON, or deeper than orjson's limit of 254
            raise UnfitError from None
        source = text.encode()
        if source != written and _count_of_quotes(source) != _count_of_quotes(written):
            raise UnfitError
        value = fit(parsed, findings)
        if findings.is_respelled and findings.redacted:
            raise UnfitError
        if source != written and _may_be_misread(text, findings):
            raise UnfitError
        return value, findings

    return read


def read_outer(body: bytes) -> Optional[Dict[str, Any]]:
    """Return a document's members, if each is text, a truth value or null and no key is repeated.

    orjson changes nothing in such a document. Returns None if the exact path has to read it.
    """
    try:
        members = orjson.loads(body)
    except ValueError:
        return None
    if type(members) is not dict or not _FLAT.issuperset(map(type, members.values())):
        return None
    return members if _count_of_quotes(body) == _quotes_of_members(members) else None


def _count_of_quotes(text: bytes) -> int:
    """Count the quotes of a JSON text, around its strings and in them, however they are escaped.

    A member that orjson leaves out, because its key is repeated later, has two or more.
    """
    quotes = text.count(b'"')
    if b"\\u0022" in text:
        each_begins_an_escape = text.replace(b"\\\\", b"")
        quotes += each_begins_an_escape.count(b"\\u0022")
    return quotes


def _quotes_of_members(members: Dict[str, Any]) -> int:
    """Count the quotes that the text of a flat object has if none of its members was left out."""
    texts = [*members, *[value for value in members.values() if type(value) is str]]
    return 2 * len(texts) + sum(map(str.count, texts, repeat('"')))


def _may_be_misread(text: str, findings: Findings) -> bool:
    """Whether a number may differ from the number in the text."""
    if findings.has_zero and _NEGATIVE_ZERO.search(text):
        return True
    if not (findings.has_float or findings.has_double) or not _may_be_rounded(text):
        return False
    return findings.has_float or not _all_come_back(text)


def _may_be_rounded(text: str) -> bool:
    """Whether a float in a text may be integral only because it was rounded.

    With up to 8 digits before the point and 7 after it, a binary64 distinguishes any two floats.
    """
    return bool(_LONG_FLOAT.search(text) or _NEGATIVE_EXPONENT.search(text))


def _all_come_back(text: str) -> bool:
    """Whether each number that may be rounded equals the number in its float's shortest text."""
    places = [found.start() for found in _LONG_FLOAT.finditer(text)]
    places += [found.start() - 1 for found in _NEGATIVE_EXPONENT.finditer(text)]
    return all(_comes_back_at(text, place) for place in places)


def _comes_back_at(text: str, place: int) -> bool:
    """Whether the float whose point or exponent is at ``place`` gives the same number back.

    Characters without delimiters around them are in a string, and are not read as a number.
    """
    while text[place - 1] in _BEFORE_A_POINT:
        place -= 1
    number = _NUMBER.match(text, place)
    before = text[place - 2] if text[place - 1] == "-" else text[place - 1]
    if number is None or before not in _DELIMITERS or text[number.end()] not in _DELIMITERS:
        return True
    return comes_back(number[0], float(number[0]))


def _compile(kind: Type, path: Path) -> Fit:
    """Compile the check of a type; ``path`` is where such values stand, with 0 for a list index."""
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
            elif value is None:
                empty.append(key)
            else:
                fitted = fits[key](value, findings)
                if fitted is None:
                    empty.append(key)
                elif fitted is not value:
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
    """Compile a function that gives members with unusual spellings their fields' spelling.

    It removes what never reaches the lake, and returns the fields' names.
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
                if not removes(key, findings):
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
    """The class of orjson's value that needs no check; nested values and floats always need one."""
    return _CLASSES.get(kind.name, Struct) if isinstance(kind, Primitive) else Struct


def _remover(parent: Path) -> Callable[[str, Findings], bool]:
    below = name_of(parent)

    @cached_if_short(_KNOWN_KEYS)
    def fate_of(key: str) -> Tuple[int, str]:
        """Return the fate of a key, and the path by which its removal is counted."""
        found = fate(key, parent)
        return found, f"{below}/{key}" if found == REDACT else name_of((parent, key, 0)).lower()

    def removes(key: str, findings: Findings) -> bool:
        """Whether a member never reaches the lake; counts its removal."""
        found, counted_as = fate_of(key)
        if found == KEEP:
            return False
        if found == BY_VALUE:
            raise UnfitError
        (findings.redacted if found == REDACT else findings.cleaned).append(counted_as)
        return True

    return removes


def _refuse_redacted_name(value: Any) -> None:
    """Leave the text to the exact path if a value may be, or hold, a redacted name."""
    if type(value) is str and (value[:1] in _OPENS_JSON or meaning_of_name(value) is not None):
        raise UnfitError


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
            for index, item in enumerate(value):
                if item is not None:
                    value[index] = element(item, findings)
            return value
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
        texts = {}
        for key, value in members.items():
            if removes(key, findings):
                continue
            if is_naming_key(key):
                _refuse_redacted_name(value)
            texts[key] = None if value is None else _string(value, findings)
        return texts

    return texts_of


def _emptied(value: Any, findings: Findings) -> Any:
    """Return None for empty text in a column of another type; any other value is unfit."""
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
