"""Records as JSON files: written with a format version, and validated value by value when read.

A later version of the program may add a field with a default: earlier versions ignore it. A change
that earlier versions must not ignore raises the record's ``FORMAT_VERSION``: they then reject the
record instead of misreading it. Records without a version count as version 1.

A field's type says what it may hold: text, booleans, counts from 0, finite numbers from 0, lists,
dicts, other dataclasses, and ``Annotated[str, TextForm(...)]`` for text of a certain form.
"""

from __future__ import annotations

import json
import math
import re
import types
from dataclasses import MISSING, asdict, fields, is_dataclass
from datetime import datetime, timezone
from functools import cache
from typing import (
    Annotated,
    Any,
    Callable,
    ClassVar,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Protocol,
    Tuple,
    Type,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

VERSION_FIELD = "format_version"
_COUNTS_END = 1 << 63
_UNIONS = (Union, getattr(types, "UnionType", Union))
_PATH = re.compile(r"(?!\.\.?(/|$))[^/\x00]+(/(?!\.\.?(/|$))[^/\x00]+)*")


class RecordError(ValueError):
    """A file is not the valid record that it should be; the message names the record and fault."""

    def advice(self, usual: str) -> str:
        """What to do about it: ``usual``, unless that does not help."""
        return usual


class LaterFormatError(RecordError):
    """A later version of the program wrote the record; this version must not replace it."""

    def advice(self, usual: str) -> str:  # noqa: ARG002
        return "Upgrade checkout-assets here, then run it again."


class Record(Protocol):
    """A frozen dataclass that is stored in its own file."""

    WHAT: ClassVar[str]
    """Its name in messages, such as ``completion record``."""

    FORMAT_VERSION: ClassVar[int]
    """The version that is written, and the highest that is read."""


class TextForm(NamedTuple):
    """The form of a text: a test for it, and its name in messages."""

    holds: Callable[[str], bool]
    name: str


def is_instant(text: str) -> bool:
    """Whether a text is an ISO 8601 timestamp with a time zone, in the years 1 to 9999 in UTC."""
    try:
        found = datetime.fromisoformat(text)
        # fromisoformat allows any character between date and time, and messages quote the text.
        has_zone = found.tzinfo is not None and bool(found.astimezone(timezone.utc))
        return has_zone and text.isprintable()
    except (ValueError, OverflowError):
        return False


Instant = Annotated[str, TextForm(is_instant, "instant with its zone")]
"""ISO 8601, as ``datetime.isoformat`` writes it."""

Path = Annotated[str, TextForm(lambda text: bool(_PATH.fullmatch(text)), "plain path")]
"""A key or a part of one without empty, ``.`` or ``..`` segments, so it stays in its folder."""

R = TypeVar("R", bound=Record)


class _UnfitError(Exception):
    """A value does not have its field's type; ``place`` is the field's path in the record."""

    def __init__(self, place: str, wanted: str) -> None:
        super().__init__(place, wanted)
        self.place = place
        self.wanted = wanted


class _TwiceError(ValueError):
    """A JSON object has two members with the same name."""


def write_record(record: Record) -> bytes:
    """The record as the bytes of its file, with its format version."""
    values = asdict(record, dict_factory=_without_empty_digests)  # type: ignore[call-overload]
    told = {VERSION_FIELD: record.FORMAT_VERSION, **values}
    return json.dumps(told, indent=1, sort_keys=True, allow_nan=False).encode()


def _without_empty_digests(members: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Leave out empty digests, so that an earlier record is written again as it was."""
    return {name: value for name, value in members if value or name != "sha256"}


def read_record(kind: Type[R], data: bytes) -> R:
    """The record in a file; raises RecordError if it is invalid or a later version wrote it."""
    told = members_of(kind.WHAT, data)
    version = told.get(VERSION_FIELD, 1)
    if not _is_count(version) or not version:
        raise RecordError(f"the {kind.WHAT} has no valid format version")
    if version > kind.FORMAT_VERSION:
        raise LaterFormatError(
            f"the {kind.WHAT} was written by a later version of checkout-assets (format {version}; "
            f"this version reads up to {kind.FORMAT_VERSION})"
        )
    try:
        record: R = _dataclass_of(kind, told, "")
    except _UnfitError as unfit:
        if not unfit.wanted:
            raise RecordError(f"the {kind.WHAT} lacks a field: {unfit.place}") from None
        raise RecordError(f"the {kind.WHAT} has no {unfit.wanted} at {unfit.place}") from None
    return record


def members_of(what: str, data: bytes) -> Mapping[str, Any]:
    """The JSON object in a file; otherwise raises RecordError, which calls the file ``what``."""
    try:
        told = json.loads(
            data, parse_constant=_refuse_constant, object_pairs_hook=_each_member_once
        )
    except _TwiceError:
        raise RecordError(f"the {what} has a member twice") from None
    except (ValueError, RecursionError):
        # The parser's message may quote content.
        raise RecordError(f"the {what} is not JSON") from None
    if not isinstance(told, dict):
        raise RecordError(f"the {what} is not a JSON object")
    return told


def _each_member_once(members: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """The object; of two members with one name it is not known which value is meant."""
    found = dict(members)
    if len(found) < len(members):
        raise _TwiceError
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _dataclass_of(kind: Any, told: Any, place: str) -> Any:
    if not isinstance(told, dict):
        raise _UnfitError(place, "JSON object")
    hints = _hints(kind)
    values: Dict[str, Any] = {}
    for field in fields(kind):
        where = f"{place}.{field.name}" if place else field.name
        if field.name in told:
            values[field.name] = _value_of(hints[field.name], told[field.name], where)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise _UnfitError(where, "")
    return kind(**values)


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _value_of(kind: Any, value: Any, place: str) -> Any:
    """The value as ``kind``; raises _UnfitError if it has another type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass_of(kind, value, place)
    if origin is Annotated:
        return _ruled(_value_of(arguments[0], value, place), arguments[1], place)
    if origin is list and isinstance(value, list):
        return [_value_of(arguments[0], each, f"{place}[{n}]") for n, each in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        # A member's name may be personal or hostile, so messages do not show it.
        return {
            _value_of(arguments[0], name, place): _value_of(arguments[1], each, place)
            for name, each in value.items()
        }
    if origin in _UNIONS:
        (other,) = (each for each in arguments if each is not type(None))
        return None if value is None else _value_of(other, value, place)
    name, holds = _PLAIN.get(origin or kind, ("", None))
    if holds is None or not holds(value):
        raise _UnfitError(place, name)
    return float(value) if kind is float else value


def _ruled(text: str, rule: TextForm, place: str) -> str:
    if rule.holds(text):
        return text
    raise _UnfitError(place, rule.name)


def _is_text(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:  # a lone surrogate, which keys and file names cannot hold
        return False


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNTS_END


def _is_number(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, float) and math.isfinite(value) and value >= 0)


_PLAIN: Mapping[Any, Any] = {
    str: ("text", _is_text),
    int: ("count", _is_count),
    float: ("number from 0", _is_number),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    list: ("list", lambda _: False),
    dict: ("JSON object", lambda _: False),
}
