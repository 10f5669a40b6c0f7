"""Convert text, literals and numbers in a typed column without loss, or not at all.

Each rule is defined here once; the fast and the exact reader are both compiled around it.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Optional

EMPTY = frozenset(("", "null"))
"""Texts that mean null in a typed or nested column."""

SMALLEST, LARGEST = -(1 << 63), (1 << 63) - 1
EXACT_FLOAT = 1 << 53
"""Up to this value, each integer has a float of its own: IEEE 754 binary64."""

_SURE_DIGITS = 15
"""A float preserves up to this many decimal digits: DBL_DIG."""

_INTEGER_TEXT = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0+)?")
_NUMBER_TEXT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}
BOOLEAN_TEXTS = {True: "true", False: "false"}
"""The text of a truth value in a text column: its literal."""


def bigint_of(text: str, is_literal: bool) -> Optional[int]:
    """Return the integer that a text or a number's literal says; None unless it is an int64."""
    if text.isdigit() and text.isascii() and text[0] != "0" and len(text) <= _SURE_DIGITS:
        return int(text)
    match = _INTEGER_TEXT.fullmatch(text)
    if match is not None and not (is_literal and "." in text):
        digits = match[1]
        number = int(digits) if len(digits) <= len(str(SMALLEST)) else None
        return number if number is not None and SMALLEST <= number <= LARGEST else None
    number = integer_of(float(text)) if is_literal else None
    return number if number is not None and _is_exact(text, number) else None


def integer_of(number: float) -> Optional[int]:
    """Return the integer that a float says, if it is one and each integer up to it is a float."""
    return int(number) if number.is_integer() and abs(number) < EXACT_FLOAT else None


def double_of(text: str) -> Optional[float]:
    """Return the finite number that a decimal text says, or None."""
    number = float(text) if _NUMBER_TEXT.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def comes_back(text: str, number: float) -> bool:
    """Whether the shortest text of a float says exactly the number that this text says."""
    if len(text) <= _SURE_DIGITS and "e" not in text and "E" not in text:
        return True
    try:
        return Decimal(text) == Decimal(repr(number))
    except ArithmeticError:  # the exponent exceeds Decimal's range
        return False


def boolean_of(text: str) -> Optional[bool]:
    """Return the truth value that a text names, regardless of case, or None."""
    return _BOOLEANS.get(text.lower())


def _is_exact(text: str, number: int) -> bool:
    """Whether a literal says an integer exactly, without rounding."""
    try:
        return Decimal(text) == Decimal(number)
    except ArithmeticError:  # the exponent exceeds Decimal's range
        return False
