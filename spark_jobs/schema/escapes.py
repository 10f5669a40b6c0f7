"""Escaped letters in JSON, log files and URLs, also if they are escaped more than once."""

from __future__ import annotations

import re
from urllib.parse import unquote

_ESCAPE = re.compile(r"\\(?<!\\\\)\\*(?:[uU](0[03][0-9a-fA-F]{2})|x([0-9a-fA-F]{2}))")
"""An escaped Latin letter, accent or punctuation mark, as in JSON or log files.

It must begin with the first of its backslashes, so that a search does not try each of many.
"""
_PERCENT = re.compile("%[0-9a-fA-F]{2}")
_TIMES_QUOTED = 3
"""How often percent-escapes are decoded: enough for a URL in a URL in a URL."""


def holds_escapes(text: str) -> bool:
    """Whether the text may have escaped letters."""
    if "\\u" in text or "\\x" in text or "\\U" in text:
        return True
    return "%" in text and _PERCENT.search(text) is not None


def unescaped(text: str) -> str:
    """The text with its escapes decoded, those of URLs included."""
    if "\\" in text:
        text = _ESCAPE.sub(lambda escape: chr(int(escape[1] or escape[2], 16)), text)
    return unquoted(text)


def unquoted(text: str) -> str:
    """The text with the percent-escapes of URLs decoded."""
    for _ in range(_TIMES_QUOTED):
        if "%" in text:
            text = unquote(text)
    return text
