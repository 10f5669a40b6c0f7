"""Small Parquet files, taken apart and put together again in another way.

Some become the row groups of one file. Columns of one become other columns of another.

Only footers are parsed: each states where the file's pages lie, and these offsets are moved. The
patterns follow Thrift's compact protocol and parquet.thrift. They match footers of one row group
without dictionaries and page indexes, which is what structuring writes for small files.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import repeat
from typing import Iterable, Iterator, Match, NamedTuple, Optional, Pattern, Sequence

_MAGIC = b"PAR1"
_LENGTH_BYTES = 4

_BOOLEANS, _BYTE, _I32, _INTEGERS, _BINARY, _STRUCT = (1, 2), (3,), (5,), (4, 5, 6), (8,), (12,)
"""Types of fields as the protocol numbers them; a boolean's value is its type."""

_MORE = 0x80
"""The bit of a number's byte that another one follows; each has seven bits of the number."""

_BYTES = [bytes([value]) for value in range(256)]
"""The bytes, each alone."""

_NO_PLACE = b"\x26\x00\x1c"
"""How a column begins that is said to lie nowhere else in the file: parquet.thrift, ColumnChunk."""

_TYPE_AT, _TEXT = 4, 0x0C
"""Where such a column states its type, and the type of texts."""

_NO_TEXT, _STEP = b"\x3c\x16\x00", 0x10
"""How the statistics of sizes begin for texts without bytes. Those of other types lack this number,
so that the next field is one step further from the one before it."""

_FEW = 14
"""The longest list whose header is one byte."""

_VARINT = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
_SHORT_BYTES = b"(?:" + b"|".join(rb"\x%02x.{%d}" % (n, n) for n in range(128)) + b")"
"""A binary value of up to 127 bytes, after its length."""


class _Column(NamedTuple):
    """What a footer says of a column: its type and path, then the rest around its pages' offset.

    ``sums`` are the statistics of its sizes and levels. ``size`` is that of its pages,
    ``plain_size`` that before compression.
    """

    path: bytes
    before: bytes
    after: bytes
    sums: bytes
    size: int
    plain_size: int

    def at(self, offset: int) -> bytes:
        """What a footer says of the column if its pages lie at that offset."""
        return b"%b%b%b%b%b" % (self.path, self.before, _zigzag(offset), self.after, self.sums)

    def sums_for(self, path: bytes) -> bytes:
        """Return the statistics of sizes of another column that has these pages, without values."""
        if path[_TYPE_AT] == self.path[_TYPE_AT]:
            return self.sums
        if path[_TYPE_AT] == _TEXT and self.sums[0]:
            return _NO_TEXT + bytes([self.sums[1] - _STEP]) + self.sums[2:]
        if self.path[_TYPE_AT] == _TEXT and self.sums.startswith(_NO_TEXT):
            place = len(_NO_TEXT)
            return bytes([self.sums[0], self.sums[place] + _STEP]) + self.sums[place + 1 :]
        return self.sums


class SmallFile(NamedTuple):
    """A file's pages and what its footer says."""

    pages: memoryview
    schema: bytes
    rows: int
    columns: Sequence[_Column]
    sums: bytes
    end: bytes

    def is_like(self, other: SmallFile) -> bool:
        """Whether both can be row groups of one file."""
        return (self.schema, self.end) == (other.schema, other.end)

    def is_model(self) -> bool:
        """Whether what it says of a column's type and path is true in other files too.

        Some versions of pyarrow state a place in the file there.
        """
        return all(each.path.startswith(_NO_PLACE) for each in self.columns)

    def row_group(self, offset: int) -> bytes:
        """The row group, for a file in which its pages begin at that offset."""
        told = [b"\x19", _structs(len(self.columns))]
        for column in self.columns:
            told.append(column.at(offset))
            offset += column.size
        return b"".join([*told, self.sums])


def taken_apart(data: bytes, other: Optional[SmallFile] = None) -> Optional[SmallFile]:
    """Take a file apart; None if its footer is not like those described above.

    What the footer has in common with that of the ``other`` file is compared and not parsed. The
    pages of the columns have to follow each other without a gap.
    """
    end = len(data) - len(_MAGIC) - _LENGTH_BYTES
    start = end - int.from_bytes(data[end : end + _LENGTH_BYTES], "little")
    if start < len(_MAGIC) or not data.startswith(_MAGIC) or not data.endswith(_MAGIC):
        return None
    try:
        return _parsed(memoryview(data)[len(_MAGIC) : start], data[start:end], other)
    except _UnlikeError:
        return None


def _parsed(pages: memoryview, footer: bytes, other: Optional[SmallFile]) -> SmallFile:
    patterns, cursor = _patterns(), _Cursor(footer)
    schema = other.schema if other else b""
    if not schema or not cursor.passes(schema):
        schema = cursor.take(patterns.schema)[0]
    begin = cursor.take(patterns.begin)
    columns = list(_columns(cursor, other.columns if other else (), _value(begin["columns"])))
    sums = cursor.take(patterns.sums)
    rows = _signed(begin["rows"])
    if (
        sum(each.size for each in columns) != len(pages)
        or _signed(sums["rows"]) != rows
        or rows < 0
    ):
        raise _UnlikeError
    return SmallFile(pages, schema, rows, columns, sums[0], footer[cursor.at :])


def _columns(cursor: _Cursor, likely: Sequence[_Column], count: int) -> Iterator[_Column]:
    """The columns here; most are empty, and so as in other files."""
    offset = len(_MAGIC)
    for each in likely if len(likely) == count else repeat(None, count):
        column = each
        if column is None or not cursor.passes(column.at(offset)):
            column = _column(cursor, offset)
        yield column
        offset += column.size


def _column(cursor: _Cursor, offset: int) -> _Column:
    path, before, plain, size, stated, after, sums = cursor.take(_patterns().column).groups()
    if _signed(stated) != offset or _signed(size) < 0:
        raise _UnlikeError
    return _Column(path, before, after, sums, _signed(size), _signed(plain))


def put_together(files: Sequence[SmallFile]) -> bytes:
    """Return one file with a row group for each of these, which are like each other."""
    offset, groups = len(_MAGIC), []
    for file in files:
        groups.append(file.row_group(offset))
        offset += len(file.pages)
    rows = sum(file.rows for file in files)
    return _file(files[0], [file.pages for file in files], rows, groups)


def _file(
    like: SmallFile, pages: Iterable[memoryview], rows: int, groups: Sequence[bytes]
) -> bytes:
    head = [like.schema, b"\x16", _zigzag(rows), b"\x19", _structs(len(groups))]
    footer = b"".join([*head, *groups, like.end])
    length = len(footer).to_bytes(_LENGTH_BYTES, "little")
    return b"".join([_MAGIC, *pages, footer, length, _MAGIC])


def widened(thin: SmallFile, whole: SmallFile, sources: Sequence[int]) -> bytes:
    """Return the file that has the rows of ``thin`` and the columns of ``whole``.

    ``sources`` has, for each of its columns, the number of the column of ``thin`` whose pages it
    repeats.
    """
    told, offset, plain = [b"\x19", _structs(len(sources))], len(_MAGIC), 0
    for like, source in zip(whole.columns, sources):
        path, column = like.path, thin.columns[source]
        told += (path, column.before, _zigzag(offset), column.after, column.sums_for(path))
        offset += column.size
        plain += column.plain_size
    size, start = offset - len(_MAGIC), len(_MAGIC)
    numbers = map(_zigzag, (plain, thin.rows, start, size))
    told.append(b"\x16%b\x16%b\x26%b\x16%b\x00" % tuple(numbers))
    pages = _pages_of(thin)
    return _file(whole, [pages[source] for source in sources], thin.rows, [b"".join(told)])


def _pages_of(file: SmallFile) -> Sequence[memoryview]:
    pages, start = [], 0
    for column in file.columns:
        pages.append(file.pages[start : start + column.size])
        start += column.size
    return pages


class _UnlikeError(Exception):
    """A footer does not match the patterns."""


class _Cursor:
    """A place in a footer."""

    def __init__(self, footer: bytes) -> None:
        self._footer = footer
        self.at = 0

    def take(self, pattern: Pattern[bytes]) -> Match[bytes]:
        """Match here and go on behind it; raises _UnlikeError."""
        found = pattern.match(self._footer, self.at)
        if found is None:
            raise _UnlikeError
        self.at = found.end()
        return found

    def passes(self, expected: bytes) -> bool:
        """Go on behind the expected bytes, if they are here."""
        is_here = self._footer.startswith(expected, self.at)
        self.at += len(expected) if is_here else 0
        return is_here


class _Patterns(NamedTuple):
    """What a footer consists of, in this order."""

    schema: Pattern[bytes]
    begin: Pattern[bytes]
    column: Pattern[bytes]
    sums: Pattern[bytes]


@cache
def _patterns() -> _Patterns:
    number = _VARINT
    flat, numbers = _struct(0, _INTEGERS), _list(6, number)
    column = (
        # A number that other versions fill in differently, then type, encodings and path.
        rb"((?:\x26%b)?\x1c\x15%b\x19%b\x19%b)"
        % (number, number, _list(5, number), _list(8, _SHORT_BYTES))
        # Codec, number of values, uncompressed size, size and offset.
        + rb"(\x15%b\x16%b\x16(%b)\x16(%b)\x26)(%b)" % ((number,) * 5)
        # Statistics of the values, of the pages and of the sizes.
        + rb"((?:\x3c%b)?(?:[\x19\x49]%b)?)" % (flat, _list(12, _of_numbers()))
        + rb"((?:[\x3c\x4c\x7c](?:\x16%b)?(?:[\x19\x29]%b)?(?:[\x19\x29\x39]%b)?\x00)?\x00\x00)"
        % (number, numbers, numbers)
    )
    return _Patterns(
        _compiled(rb"\x15%b\x19\xfc%b(?:%b)+" % (number, number, _struct(3, _I32))),
        _compiled(rb"\x16(?P<rows>%b)\x19\x1c\x19\xfc(?P<columns>%b)" % ((number,) * 2)),
        _compiled(column),
        # Bytes, rows, the offset of the first page, and the compressed size.
        _compiled(rb"\x16%b\x16(?P<rows>%b)(?:\x26\x08)?(?:\x16%b)?\x00" % ((number,) * 3)),
    )


def _compiled(pattern: bytes) -> Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


def _headers(types: Sequence[int]) -> bytes:
    """The headers of fields of these types; the upper half is the distance to the last field."""
    return b"[" + b"".join(rb"\x%02x" % (16 * n + t) for t in types for n in range(1, 16)) + b"]"


def _struct(depth: int, integers: Sequence[int]) -> bytes:
    """A struct with fields of these types, and of structs that are less deep."""
    fields = [
        _headers(_BOOLEANS),
        _headers(_BYTE) + b".",
        _headers(integers) + _VARINT,
        _headers(_BINARY) + _SHORT_BYTES,
    ]
    if depth:
        fields.append(_headers(_STRUCT) + _struct(depth - 1, integers))
    return b"(?:" + b"|".join(fields) + rb")*\x00"


def _of_numbers() -> bytes:
    """A struct that has only numbers."""
    return b"(?:" + _headers(_I32) + _VARINT + rb")*\x00"


def _list(kind: int, element: bytes) -> bytes:
    """A list of up to 14 elements of a type, after its header."""
    told = (rb"\x%02x(?:%b){%d}" % (16 * n + kind, element, n) for n in range(_FEW + 1))
    return b"(?:" + b"|".join(told) + b")"


def _value(varint: bytes) -> int:
    value = 0
    for byte in reversed(varint):
        value = value << 7 | byte & 0x7F
    return value


def _signed(varint: bytes) -> int:
    value = _value(varint)
    return value >> 1 ^ -(value & 1)


def _varint(value: int) -> bytes:
    told = b""
    while value >= _MORE:
        told += _BYTES[value & 0x7F | _MORE]
        value >>= 7
    return told + _BYTES[value]


def _structs(count: int) -> bytes:
    """Return the header of a list of so many structs: up to 14 are told with their type."""
    return bytes([count << 4 | 12]) if count <= _FEW else b"\xfc" + _varint(count)


def _zigzag(value: int) -> bytes:
    """A number that is not negative, as a signed one."""
    return _varint(value << 1)
