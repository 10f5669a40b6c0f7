"""A last check of each row before it goes to the lake, cheap enough to be made for every row."""

from __future__ import annotations

import re

from spark_jobs.conforming.mentions import assigns_card_data
from spark_jobs.conforming.text_tables import names_column
from spark_jobs.schema.escapes import unescaped


def _class_of(byte: int) -> int:
    """Return a byte's class: all digits, blank and hyphen, and both cases of a letter are equal.

    ``d`` and ``t`` are equal, and so are ``c`` and ``v``. So three searches do the work of five.
    """
    letter = bytes((byte,)).lower()
    return (b"0" if letter.isdigit() else {b"t": b"d", b"c": b"v", b" ": b"-"}.get(letter, letter))[
        0
    ]


_CLASSES = bytes(map(_class_of, range(256)))
_STEMS = (b"vard", b"darjeda", b"vvv")
"""The classes of card and cart(ao), tarjeta; cvv, cvc and ccv."""

_GIFT = b"gifd"
_BEFORE, _AFTER = 64, 96
"""Bytes around a stem that include the longest name and what follows it."""

_ESCAPE = re.compile(r"\\[bfnrt]")
_CELL_END = re.compile(r"[,;|\"]|\\.")
_QUOTED_LETTER = re.compile(rb"%(?:25)*(?:[46][1345aAfF]|[57][246])")
"""A letter of the stems as a URL may escape it, though no letter needs that."""
_MAY_ASSIGN = re.compile(
    rb"(?:car(?:d|t[ao\xc3%\\])|tarjeta|cv[vc]|ccv)[^\"\\'`=:>|]{0,64}[\\'`=:>|&%,;\]]",
    re.IGNORECASE,
)
"""A stem, perhaps with an accent that may be escaped, and a mark that may assign a value or end a
table's cell.

In a line, a quote within a text has a backslash before it; a quote without one ends the text.
"""


def classes_of(line: bytes) -> bytes:
    """Return the line with each byte replaced by its class."""
    return line.translate(_CLASSES)


def may_hold_base64(line: bytes) -> bool:
    """Whether a text of the row may begin with an object in base64."""
    return b'"eyJ' in line


def may_assign_card_data(line: bytes, classes: bytes) -> bool:
    """Whether a text of the row may be one that ``assigns_card_data``."""
    if b"%" in line and _QUOTED_LETTER.search(line):
        return True
    for stem in _STEMS:
        at = classes.find(stem)
        while at >= 0:
            # Gift cards have columns of their own.
            is_gift = classes.startswith(_GIFT, max(0, at - len(_GIFT)))
            if not is_gift and _MAY_ASSIGN.match(line, at) and _assigns_near(line, at):
                return True
            at = classes.find(stem, at + len(stem))
    return False


def _assigns_near(line: bytes, at: int) -> bool:
    near = line[max(0, at - _BEFORE) : at + _AFTER].decode(errors="ignore")
    if assigns_card_data(unescaped(_ESCAPE.sub(" ", near))):
        return True
    return any(map(names_column, _CELL_END.split(near)))
