"""Keys in raw: their order in a manifest, and the source key that each stands for."""

from __future__ import annotations

import hashlib
import re

_LAST_CHARACTER = "\U0010ffff"
_CUT = "~~"
_ESCAPE = re.compile(rb"~([0-9A-F]{2})")


def place_in_order(raw_key: str) -> str:
    """Return the sort key of manifests and comparisons: keys without an escape come first.

    Source and raw list those in the same order, so they are joined while they are listed. Only the
    others, which are few, have to be buffered and sorted.
    """
    return _LAST_CHARACTER + raw_key if "~" in raw_key else raw_key


def raw_key_at(place: str) -> str:
    """Undo ``place_in_order``."""
    return place.removeprefix(_LAST_CHARACTER)


def stands_for(raw_key: str, source_key: str) -> bool:
    """Whether ``raw_key`` is a key in raw of the object at ``source_key``.

    A key that was too long ends in the digest of its source key.
    """
    source = source_key.encode("utf-8", "surrogateescape")
    _, cut, digest = raw_key.rpartition(_CUT)
    if cut:
        return digest == hashlib.sha256(source).hexdigest()
    return b"/".join(map(_unescaped, raw_key.encode().split(b"/"))) == source


def _unescaped(segment: bytes) -> bytes:
    if segment == b"~":  # an empty segment
        return b""
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), segment)
