"""Object keys: the kind of object that a key names, and its safe key in raw.

All keys here are relative to the store's prefix, so they begin with the folder's name.
"""

import hashlib
import re
from typing import NamedTuple

from spark_jobs.contract.words import ObjectKind

LONGEST_KEY_BYTES = 1024
"""S3's limit for a key in UTF-8: AWS S3 user guide, "Creating object key names"."""

CUT_KEY_TAIL = len("~~") + 2 * hashlib.sha256().digest_size
"""Bytes at the end of a cut key: two tildes and a SHA-256 in hexadecimal digits."""

_UNSAFE_BYTE = re.compile(rb"[^A-Za-z0-9._-]")
_SAFE_SEGMENT = re.compile(r"(?![_.])[A-Za-z0-9._-]+")
_SAFE_KEY = re.compile(
    r"(?![_.])[A-Za-z0-9._-]+(?:/(?![_.])[A-Za-z0-9._-]+)*",
)
_DOCUMENT = re.compile(r"[^/]*/[^/]+/id/[^/]+")
_DOCUMENT_SEGMENTS = 3


class Classification(NamedTuple):
    """The kind of an object, and whether a side object looks like a misplaced document."""

    kind: ObjectKind
    near_miss: bool = False


_A_DOCUMENT = Classification(ObjectKind.DOCUMENT)


def classify(source_key: str) -> Classification:
    """Return the kind of the object at ``<folder>/...``; segments are taken literally.

    A document has exactly three segments after the folder, the second being ``id``. An object with
    more than three is nested. Every other object is a side object, flagged ``near_miss`` if ``id``
    stands in another place or in another case.
    """
    if _DOCUMENT.fullmatch(source_key):
        return _A_DOCUMENT
    segments = source_key.split("/")[1:]
    if len(segments) > _DOCUMENT_SEGMENTS and segments[1] == "id":
        return Classification(ObjectKind.NESTED)
    misplaced = any(
        segment.lower() == "id" and not (place == 1 and segment == "id")
        for place, segment in enumerate(segments)
    )
    return Classification(ObjectKind.SIDE, near_miss=misplaced)


def safe_key(source_key: str, raw_prefix: str = "") -> str:
    """Return the key of an object in raw: safe for every reader, injective, unchanged if safe.

    Each segment keeps ``A-Z a-z 0-9 . _ -``; every other byte of its UTF-8 form, ``~`` included,
    becomes ``~XX``, as does a leading ``_`` or ``.``; an empty segment becomes ``~``. A result that
    with ``raw_prefix`` exceeds 1,024 bytes is cut after a whole escape and gets ``~~`` and the
    SHA-256 of the source key. The function is not idempotent: apply it once, to source keys only.

    Raises ValueError if ``raw_prefix`` is too long for the folder and that suffix; longest_prefixes
    says how long it may be.
    """
    room = LONGEST_KEY_BYTES - len(raw_prefix.encode())
    if _SAFE_KEY.fullmatch(source_key):
        escaped = source_key
    else:
        escaped = "/".join(_safe_segment(segment) for segment in source_key.split("/"))
    if len(escaped) <= room:
        return escaped
    if room - CUT_KEY_TAIL <= escaped.find("/"):
        raise ValueError("raw's prefix is so long that a key would leave its folder")
    tail = "~~" + hashlib.sha256(_utf8(source_key)).hexdigest()
    return _cut_after_whole_escape(escaped, room - CUT_KEY_TAIL) + tail


def was_escaped(source_key: str) -> bool:
    """Whether the key is escaped in raw."""
    return safe_key(source_key) != source_key


def _safe_segment(segment: str) -> str:
    if _SAFE_SEGMENT.fullmatch(segment):
        return segment
    if not segment:
        return "~"
    escaped = _UNSAFE_BYTE.sub(lambda byte: b"~%02X" % byte[0][0], _utf8(segment)).decode()
    if escaped[0] in "_.":
        escaped = f"~{ord(escaped[0]):02X}" + escaped[1:]
    return escaped


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _cut_after_whole_escape(escaped: str, length: int) -> str:
    cut = escaped[:length]
    tilde = cut.rfind("~", max(0, length - 2))
    splits_an_escape = tilde >= 0 and escaped[tilde + 1 : tilde + 2] not in {"/", ""}
    return cut[:tilde] if splits_an_escape else cut
