"""Escapes of letters, as JSON, log files and URLs write them, however often each is escaped."""

from __future__ import annotations

import re
from urllib.parse import unquote

_ESCAPE = re.compile(r"\\(?<!\\\\)\\*(?:[uU](0[03][0-9a-fA-F]{2})|x([0-9a-fA-F]{2}))")
"""An escape of a Latin letter, of an accent, or of punctuation: JSON's, or that of log files.

It begins with the first of its backslashes, lest each of many be tried as a beginning.
"""
_PERCENT = re.compile("%[0-9a-fA-F]{2}")
_TIMES_QUOTED = 3
"""A URL in a URL in a URL is quoted so often."""


def holds_escapes(text: str) -> bool:
    """Whether a letter of the text may be escaped."""
    if "\\u" in text or "\\x" in text or "\\U" in text:
        return True
    return "%" in text and _PERCENT.search(text) is not None


def unescaped(text: str) -> str:
    """The text with the letters that its escapes stand for, also those of a URL."""
    if "\\" in text:
        text = _ESCAPE.sub(lambda escape: chr(int(escape[1] or escape[2], 16)), text)
    return unquoted(text)


def unquoted(text: str) -> str:
    """The text with the letters that the percent signs of a URL stand for."""
    for _ in range(_TIMES_QUOTED):
        if "%" in text:
            text = unquote(text)
    return text
