"""Text that may hold what never reaches the lake, found without parsing it."""

from __future__ import annotations

import re
from urllib.parse import unquote

from spark_jobs.schema.redacted_names import Meaning, names_in_text, plain
from spark_jobs.schema.removals import CLEANED_BELOW, CLEANED_IF_CONTAINING

_WHITE_SPACE = " \t\n\r"
_OPENS_JSON = frozenset('{["')
_OPENS_OTHER = "\ufeff\u200b\u00a0\x0b\x0c\x00'`(<?&%\\"
MAY_BE_JSON = frozenset(_OPENS_JSON.union(_WHITE_SPACE, _OPENS_OTHER))
"""First characters of text that parses as an object, an array or text, or was meant to."""

_SOME_REMOVED = re.compile(
    "|".join(
        (
            CLEANED_IF_CONTAINING,
            *sorted(re.escape(place[-1]) for place in CLEANED_BELOW),
            # What every name that redaction drops contains, in lower case, accents or not.
            r"card|cart[aãoõ]|tarj|cc[\W_]?[a-z]|cv[vc]|csc|\bcid\b|(?<![a-z])pan(?![a-z])|holder",
            r"titular|portador|secur|segur|valid|verific|expir|\bexp|venc|caduc|due[\W_]?[my]",
            r"good[\W_]?thru|primary|conn?ector|payment|[\uff21-\uff5a]",
        )
    )
)
_ESCAPE = re.compile(r"\\+[uU](0[03][0-9a-fA-F]{2})")
"""An escape of a Latin letter, of an accent, or of punctuation."""
_MANY_DIGITS = re.compile(r"[0-9](?:[ ._/-]?[0-9]){11}")

_SURE = (Meaning.CARD_DATA, Meaning.PAYMENTS)
_UNSURE = (
    Meaning.CARD,
    Meaning.MAYBE_NUMBER,
    Meaning.MAYBE_CODE,
    Meaning.MAYBE_EXPIRY,
    Meaning.MAYBE_HOLDER,
)
_CARD_WORD = re.compile("card|cart(?:ao|oes)|tarjeta|cv[vc]")
_ASSIGNS = re.compile(r"[\s_]{0,3}(?:[\"'\\`=:>|\]]|&quot;|&#3)")


def may_hold_removed(text: str) -> bool:
    """Whether a text may hold what goes; false means certainly not, if it is not below payments."""
    # A name may hide behind escapes of its letters, in this text or in text within it.
    return "\\u" in text or _SOME_REMOVED.search(text.lower()) is not None


def names_card_data(text: str) -> bool:
    """Whether a text that begins like JSON, but is none, names card data or payments."""
    readable = plain(unquote(_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)))
    if names_in_text(*_SURE).search(readable):
        return True
    unsure = _MANY_DIGITS.search(readable) and names_in_text(*_UNSURE).search(readable)
    return unsure is not None


def assigns_card_data(text: str) -> bool:
    """Whether a text that does not begin like JSON gives a member of card data a value.

    For example ``cardNumber=4...`` and ``callback({"cardNumber": ...})``. A sentence about a card
    does not. Only names that contain the word card, in any of the languages, or CVV count here.
    """
    readable = plain(unquote(text))
    if not _CARD_WORD.search(readable):
        return False
    return any(
        _ASSIGNS.match(readable, name.end()) is not None and _CARD_WORD.search(name[0]) is not None
        for name in names_in_text(Meaning.CARD_DATA).finditer(readable)
    )
