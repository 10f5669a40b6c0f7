"""Find text that may hold what never reaches the lake, without parsing it."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode
from typing import Iterator, Match, Tuple

from spark_jobs.conforming.card_numbers import holds_card_number
from spark_jobs.conforming.text_tables import holds_column_of_card_data
from spark_jobs.schema.escapes import holds_escapes, unescaped, unquoted
from spark_jobs.schema.redacted_names import (
    CARD_WORD,
    Meaning,
    is_named_in_text,
    names_in_text,
    plain,
)
from spark_jobs.schema.removals import CLEANED_BELOW, CLEANED_IF_CONTAINING

_WHITE_SPACE = " \t\n\r"
_OPENS_JSON = frozenset('{["')
_OPENS_OTHER = "\ufeff\u200b\u00a0\x0b\x0c\x00'`(<?&%\\"
MAY_BE_JSON = frozenset(_OPENS_JSON.union(_WHITE_SPACE, _OPENS_OTHER))
"""First characters of text that is, or was meant to be, a JSON object, array or string."""

_SOME_REMOVED = re.compile(
    "|".join(
        (
            CLEANED_IF_CONTAINING,
            *sorted(re.escape(place[-1]) for place in CLEANED_BELOW),
            # What every name that redaction drops contains, in lower case, accents or not.
            r"card|cart[aãoõ]|tarj|cc[\W_]?[a-z]|cv[vcnd]|csc|c(?<=\bc)id\b|holder|titular|portador",
            r"p(?<![a-z]p)an(?![a-mo-z])|secur|segur|cod(?:igo)?[\W_]?(?:de[\W_]?)?seg|valid|verific",
            r"expir|e(?<=\be)xp|venc|caduc|due[\W_]?[my]|fpan|dpan|full[\W_]?pan|emboss|impres",
            r"printed|good[\W_]?thru|primary|conn?ector|payment|c(?<=\bc)c\b",
        )
    )
)
"""Each alternative begins with a fixed letter, so a search stops at few characters."""
_DRESSED = re.compile(
    "[\u00ad\u0300-\u036f\u200b-\u200f\u2060\u249c-\u24e9\ufeff\uff21-\uff5a\U0001d400-\U0001d7ff]"
)
"""Enclosed, full-width and mathematical letters, and combining or invisible characters."""
_MANY_DIGITS = re.compile(r"[0-9](?:[ ._/-]?[0-9]){11}")

_OBJECT_IN_BASE64 = "eyJ"
"""An opening brace and a quote."""
_OTHER_THAN_BASE64 = re.compile("[^A-Za-z0-9+/_-]")
_URL_SAFE = str.maketrans("+/", "-_")

_SURE = (Meaning.CARD_DATA, Meaning.PAYMENTS)
_UNSURE = (
    Meaning.CARD,
    Meaning.MAYBE_NUMBER,
    Meaning.MAYBE_CODE,
    Meaning.MAYBE_EXPIRY,
    Meaning.MAYBE_HOLDER,
)
_HEADS_TABLE = re.compile(r"[ \"']{0,2}(?:[,;|\t][^\n]*)?\r?\n")
_ASSIGNS = re.compile(r"[\s_]{0,3}(?:[\"'\\`=:|\]]|-{0,2}>|&quot;|&#3|&(?:amp;)?val)")


def may_hold_removed(text: str) -> bool:
    """Whether a text may hold what is removed; False is certain unless it is below payments."""
    # A name's letters may be escaped, in this text or in text within it.
    if holds_escapes(text) or holds_base64(text) or _SOME_REMOVED.search(text.lower()):
        return True
    return not text.isascii() and _DRESSED.search(text) is not None


def holds_base64(text: str) -> bool:
    """Whether the text may contain an object in base64."""
    return _OBJECT_IN_BASE64 in text


def from_base64(text: str) -> str:
    """Decode objects in base64 as far as possible; a token has several, separated by dots."""
    if not text.startswith(_OBJECT_IN_BASE64):
        return ""
    pieces = (piece for piece in text.split(".") if piece.startswith(_OBJECT_IN_BASE64))
    return "\n".join(map(_decoded, pieces))


def _decoded(piece: str) -> str:
    digits = _OTHER_THAN_BASE64.split(piece, 1)[0].translate(_URL_SAFE)
    try:
        return urlsafe_b64decode(_padded(digits)).decode(errors="replace")
    except binascii.Error:
        return ""


def _padded(digits: str) -> str:
    """Return whole groups of four, without a last digit that does not complete a byte."""
    whole = digits[:-1] if len(digits) % 4 == 1 else digits
    return whole + "=" * (-len(whole) % 4)


def names_card_data(text: str) -> bool:
    """Whether a text that begins like JSON, but is invalid, names card data or payments."""
    readable = plain(unescaped(text))
    if is_named_in_text(readable, *_SURE):
        return True
    if _MANY_DIGITS.search(readable) is None:
        return False
    if is_named_in_text(readable, *_UNSURE):
        return True
    return CARD_WORD.search(readable) is not None and holds_card_number(readable)


def assigns_card_data(text: str) -> bool:
    """Whether a text that does not begin like JSON gives a member of card data a value.

    For example ``cardNumber=4...``, ``callback({"cardNumber": ...})`` and a table with such a
    column. A sentence about a card does not. Only names that contain CVV, or the word card in any
    of the languages, count here.
    """
    readable = plain(unquoted(text))
    if not CARD_WORD.search(readable):
        return False
    return holds_column_of_card_data(readable) or any(
        _ASSIGNS.match(readable, name.end()) is not None and CARD_WORD.search(name[0]) is not None
        for name in names_in_text(Meaning.CARD_DATA).finditer(readable)
    )


def tells_card_number(text: str) -> bool:
    """Whether a text that does not begin like JSON calls a number in it a card number.

    For example ``pan=4...``, and a table that has such a column. A sentence does not.
    """
    if not holds_card_number(text):
        return False
    readable = plain(unquoted(text))
    if holds_column_of_card_data(readable):
        return True
    # Otherwise each name of a long last line would be tried as the head of a table.
    before_last_line = readable.rfind("\n") + 1
    return any(
        _HEADS_TABLE.match(readable, name.end(), before_last_line)
        for name in _names(_SURE, readable)
    ) or any(_ASSIGNS.match(readable, name.end()) for name in _names(_UNSURE, readable))


def _names(meanings: Tuple[Meaning, ...], readable: str) -> Iterator[Match[str]]:
    return names_in_text(*meanings).finditer(readable)
