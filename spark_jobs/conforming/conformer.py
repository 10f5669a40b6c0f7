"""Conform a document: turn its bytes into a row, or into the reason why there is no row."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Dict, FrozenSet, Optional, Tuple, Union

import orjson

from spark_jobs.conforming.card_numbers import card_numbers, may_hold_card_number
from spark_jobs.conforming.converters import (
    Converter,
    compile_converter,
    compile_members,
)
from spark_jobs.conforming.document import Document
from spark_jobs.conforming.exact_json import NotJsonError, Number, Object, parse
from spark_jobs.conforming.fast_path import UnfitError, compile_text, read_outer
from spark_jobs.conforming.last_look import (
    classes_of,
    may_assign_card_data,
    may_hold_base64,
)
from spark_jobs.conforming.paths import Path, name_of
from spark_jobs.conforming.scalars import EMPTY
from spark_jobs.schema import data_columns
from spark_jobs.schema.types import Array, Column, Struct, TextMap

_BOM = b"\xef\xbb\xbf"
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_DATE_LENGTH = len("2018-10-31")
_AFTER_DATE = frozenset(("", "T", " "))
_KNOWN_DAYS = 1 << 12
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_FRAMES_NEEDED = 4000
"""A value 256 levels deep takes a few Python frames per level, more than the usual 1,000.

Only text that is nested in text is deeper, and counts as invalid JSON."""


@dataclass(frozen=True)
class Row:
    """A document as a row.

    ``day`` is its YYYY-MM-DD. ``line`` is one JSON object of its columns, without the lineage
    columns. ``rescued`` counts rescued values, ``redacted`` dropped card data by path, ``emptied``
    empty texts that became null, ``cleaned`` what the cleanings removed by path in lower case, and
    ``card_numbers`` possible card numbers outside payments by column. ``dated_by_creation`` says
    that LastChange had no usable date. ``unknown`` are the paths of members that the schema has no
    field for, with ``*`` as the list index.
    """

    day: str
    line: bytes
    rescued: int
    redacted: Dict[str, int]
    emptied: int
    cleaned: Dict[str, int]
    dated_by_creation: bool
    card_numbers: Dict[str, int]
    unknown: FrozenSet[str] = frozenset()


@dataclass(frozen=True)
class Rejected:
    """A document that is not an order: the reason, a rule and a byte offset, but never content."""

    reason: str
    detail: str


class Conformer:
    """Conforms documents of one table; compiled once, used by one thread.

    Without ``fast`` every text takes the exact path, which gives the same rows.
    """

    def __init__(self, table: str, fast: bool = True) -> None:
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _FRAMES_NEEDED))
        self._document = Document(thorough=not fast)
        self._fast = fast
        self._thorough = Conformer(table, fast=False) if fast else self
        columns = data_columns(table)
        self._convert = compile_members(
            {column.name: _column(column, self._document, fast) for column in columns},
            {column.name: column.source_field for column in columns},
            self._document,
        )

    def conform(self, body: bytes) -> Union[Row, Rejected]:
        """Return the document's row, or the reason for rejecting it; never raises."""
        offset = len(_BOM) if body.startswith(_BOM) else 0
        members = read_outer(body[offset:]) if self._fast else None
        if members is not None:
            # Each value is text, a truth value or null: no source text has to be read for it.
            return self._conformed(body, Object(list(members.items())), "", offset)
        try:
            text = body[offset:].decode()
            return self._conformed(body, parse(text), text, offset)
        except UnicodeDecodeError as error:
            return Rejected("not_utf8", f"{error.reason} at byte {offset + error.start}")
        except NotJsonError as error:
            place = offset + len(text[: error.position].encode())
            return Rejected("not_json", f"{error.rule} at byte {place}")

    def _conformed(self, body: bytes, parsed: Any, text: str, offset: int) -> Union[Row, Rejected]:
        """Return the row of a body that is valid JSON, or the reason for rejecting it."""
        if type(parsed) is not Object:
            return Rejected("not_an_object", f"{_kind_of(parsed)} at byte {offset}")
        if not _has_id(_chosen(parsed, "Id")):
            return Rejected("no_id", f"id at byte {offset}")
        return self._dated(parsed, text, offset) or self._thorough.conform(body)

    def _dated(self, parsed: Object, text: str, offset: int) -> Union[Row, Rejected, None]:
        """Return the row or the reason; None if the thorough path has to read the document."""
        changed = _day(_chosen(parsed, "LastChange"))
        day = changed or _day(_chosen(parsed, "CreationDate"))
        if day is None:
            return Rejected("no_date", f"date at byte {offset}")
        values = self._values(parsed, text)
        if values is None:
            return Rejected("not_json", f"depth at byte {offset}")
        return self._row(values, day, changed is None)

    def _values(self, parsed: Object, text: str) -> Optional[Dict[str, Any]]:
        """Return the columns; None if nested text makes the values too deep for Python."""
        document = self._document
        document.reset(text)
        try:
            values = self._convert(parsed, None)
        except RecursionError:
            return None
        if document.rescued:
            values["_rescued"] = document.rescued
        return values

    def _row(self, values: Dict[str, Any], day: str, dated_by_creation: bool) -> Optional[Row]:
        """Return the row; None if the thorough path has to read the document."""
        document = self._document
        line = orjson.dumps(values)
        classes = classes_of(line)
        has_number = may_hold_card_number(line, classes)
        if self._fast and (
            has_number or may_hold_base64(line) or may_assign_card_data(line, classes)
        ):
            return None
        return Row(
            day=day,
            line=line,
            rescued=len(document.rescued),
            redacted=dict(document.scrubber.redacted),
            emptied=document.emptied,
            cleaned=dict(document.scrubber.cleaned),
            dated_by_creation=dated_by_creation,
            card_numbers=card_numbers(values) if has_number else {},
            unknown=frozenset(map(name_of, document.unknown)),
        )


def _column(column: Column, document: Document, fast: bool) -> Converter:
    convert = compile_converter(column.type, document)
    if not isinstance(column.type, (Struct, Array, TextMap)):
        return convert

    def convert_text(value: Any, path: Path) -> Any:
        """Convert a nested column, which is JSON as text or sometimes JSON itself."""
        if type(value) is not str or value in EMPTY:
            return convert(value, path)
        try:
            parsed = parse(value)
        except NotJsonError:
            document.rescue(value, path)
            return None
        document.enter(value, path)
        converted = convert(parsed, path)
        document.leave()
        return converted

    return _fast_first(convert_text, column, document) if fast else convert_text


def _fast_first(exact: Converter, column: Column, document: Document) -> Converter:
    read = compile_text(column)

    def convert(value: Any, path: Path) -> Any:
        if type(value) is not str or value in EMPTY:
            return exact(value, path)
        try:
            converted, findings = read(value)
        except UnfitError:
            return exact(value, path)
        document.accept(findings, path)
        return converted

    return convert


def _chosen(parsed: Object, field: str) -> Any:
    """Return the value of the member that the field's column uses."""
    folded = field.lower()
    found: Optional[Tuple[str, Any]] = None
    for key, value in parsed.pairs:
        if len(key) != len(field) or key.lower() != folded:
            continue
        if found is None or key == field or found[0] != field:
            found = (key, value)
    return found[1] if found else None


def _has_id(value: Any) -> bool:
    return type(value) is Number or (type(value) is str and bool(value.strip()) and value != "null")


def _day(value: Any) -> Optional[str]:
    """Return the YYYY-MM-DD that a text begins with, if it is a day of a valid year."""
    if type(value) is not str or value[_DATE_LENGTH : _DATE_LENGTH + 1] not in _AFTER_DATE:
        return None
    day = value[:_DATE_LENGTH]
    return day if _is_day(day) else None


@lru_cache(_KNOWN_DAYS)
def _is_day(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    try:
        return _FIRST_YEAR <= date(year, month, day).year <= _LAST_YEAR
    except ValueError:
        return False


def _kind_of(parsed: Any) -> str:
    names = {list: "array", str: "string", Number: "number", bool: "boolean"}
    return names.get(type(parsed), "null")
