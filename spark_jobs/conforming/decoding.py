"""Decode bodies that are not plain UTF-8: unpack gzip, decode UTF-16 and UTF-32.

Gzip's magic bytes or a byte order mark decide; ``Content-Encoding`` is ignored. Only one layer of
gzip is unpacked: a body that was packed twice is not text.
"""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass
from typing import List, Union

from spark_jobs.conforming.conformer import Rejected
from spark_jobs.contract.words import TOO_LARGE

MOST_UNPACKED_TIMES = 200
"""A gzip body may unpack to this many times its size; JSON text shrinks by a factor of 5 to 20."""

_GZIP = b"\x1f\x8b"
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS
_STEP = 64 * 1024
"""Bytes given to zlib at a time: what follows the end of a member is copied each time."""

_TEXT_FORMS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGICS = (_GZIP, *(mark for mark, _ in _TEXT_FORMS))


@dataclass(frozen=True)
class Decoded:
    """A document's bytes as UTF-8, and their encoding: ``gzip``, ``utf-16``, ``gzip+utf-16``..."""

    body: bytes
    form: str


def is_encoded(stored: bytes) -> bool:
    """Whether the bytes have to be decoded before they are conformed."""
    return stored.startswith(_MAGICS)


def decode(stored: bytes, most: int) -> Union[Decoded, Rejected]:
    """Decode bytes that ``is_encoded`` accepts, or return why that fails.

    Offsets are those of the stored bytes. Unpacks to at most ``most`` bytes and MOST_UNPACKED_TIMES
    the stored size: one byte more is ``too_large``.
    """
    forms: List[str] = []
    body = stored
    if stored.startswith(_GZIP):
        unpacked = _unpacked(stored, min(most, MOST_UNPACKED_TIMES * len(stored)))
        if isinstance(unpacked, Rejected):
            return unpacked
        forms.append("gzip")
        body = unpacked
    form = next((form for mark, form in _TEXT_FORMS if body.startswith(mark)), "")
    if form:
        forms.append(form)
        try:
            body = body.decode(form).encode()
        except UnicodeDecodeError as error:
            return Rejected("not_utf8", f"{form}: {error.reason} at byte {error.start}")
    return Decoded(body, "+".join(forms))


def _unpacked(stored: bytes, most: int) -> Union[bytes, Rejected]:
    """Return the bytes of all members in sequence; zeros after the last one are padding."""
    view, at, room = memoryview(stored), 0, most
    pieces: List[bytes] = []
    while at < len(stored):
        member = zlib.decompressobj(_WITH_GZIP_HEADER)
        while not member.eof:
            if at == len(stored):
                return Rejected("not_utf8", f"gzip ends too early at byte {at}")
            step = view[at : at + _STEP]
            try:
                pieces.append(member.decompress(step, room + 1))
            except zlib.error:
                return Rejected("not_utf8", f"gzip is damaged after byte {at}")
            at += len(step) - len(member.unused_data)
            room -= len(pieces[-1])
            if room < 0:
                return Rejected(TOO_LARGE, f"unpacked size at byte {most}")
        at = _after_padding(stored, at)
    return b"".join(pieces)


def _after_padding(stored: bytes, at: int) -> int:
    """Return where the next member begins: at the end, if only zeros follow."""
    if at == len(stored) or stored[at] or stored[at:].strip(b"\0"):
        return at
    return len(stored)
