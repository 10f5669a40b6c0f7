"""Find card numbers where none should be, by length, issuer and check digit.

They are counted and never shown. The tables keep them; below payments they are redacted.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List

import orjson

from spark_jobs.schema.card_issuers import ISSUERS
from spark_jobs.schema.redacted_names import Meaning, meaning_of_name

_CANDIDATE = re.compile(
    r"(?<![0-9])(?<![0-9]\.)"
    r"(?:[0-9]{13,19}"
    r"|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})"
    r"(?![0-9])"
)
_ISSUED = re.compile(
    "|".join(
        f"(?=(?:{first}))(?:{'|'.join(f'[0-9]{{{length}}}' for length in lengths)})"
        for first, lengths in ISSUERS.values()
    )
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_ARTICLE_DIGITS = 13
"""Length of an EAN-13, the number of an article; one with its check digit counts as an article."""

_FIRST_DIGITS = b"23456"
_BEGINNINGS = ((b"0" * 13, 13), (b"0000-0000", 5))
"""The start of numbers in one piece and in groups, and the distance to the next possible start."""
_LONGEST = len("0000-0000-0000-0000-000 ")


def may_hold_card_number(line: bytes, classes: bytes) -> bool:
    """Whether a row may hold a card number; ``classes`` are the line's, see ``last_look``."""
    for beginning, length in _BEGINNINGS:
        at = classes.find(beginning)
        while at >= 0:
            if line[at] in _FIRST_DIGITS and _is_number_at(line, at):
                return True
            at = classes.find(beginning, at + length)
    return False


def card_numbers(values: Dict[str, Any]) -> Dict[str, int]:
    """Count the card numbers that each column of a row holds outside payments."""
    found = {name: len(list(_numbers_in(_text(name, value)))) for name, value in values.items()}
    return {name: count for name, count in found.items() if count}


def holds_card_number(text: str) -> bool:
    """Whether a text contains a card number."""
    return next(_numbers_in(text), None) is not None


def _is_number_at(line: bytes, at: int) -> bool:
    begin = max(0, at - 2)
    found = _CANDIDATE.search(line[begin : at + _LONGEST].decode("latin-1"), at - begin)
    return found is not None and is_card_number(found[0])


def is_card_number(digits: str) -> bool:
    """Whether the digits, whatever separates them, form a number that a card issuer could issue."""
    digits = digits.replace(" ", "").replace("-", "")
    return (
        _ISSUED.fullmatch(digits) is not None
        and _has_luhn_digit(digits)
        and not (len(digits) == _ARTICLE_DIGITS and _has_article_digit(digits))
    )


def _numbers_in(text: str) -> Iterator[str]:
    return (found[0] for found in _CANDIDATE.finditer(text) if is_card_number(found[0]))


def _text(column: str, value: Any) -> str:
    if meaning_of_name(column) is Meaning.PAYMENTS:
        return ""
    if column == "_rescued":
        return "\n".join(_outside_payments(value))
    return value if type(value) is str else orjson.dumps(value).decode()


def _outside_payments(rescued: List[Dict[str, str]]) -> Iterator[str]:
    for item in rescued:
        steps = item["path"].split("/")
        if not any(meaning_of_name(step) is Meaning.PAYMENTS for step in steps):
            yield item["path"] + "\n" + item["value"]


def _has_luhn_digit(digits: str) -> bool:
    """Check the digit of ISO/IEC 7812-1."""
    numbers = [int(digit) for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[each] for each in numbers[1::2])) % 10 == 0


def _has_article_digit(digits: str) -> bool:
    """Check the digit of a GS1 article number."""
    numbers = [int(digit) for digit in digits]
    return (sum(numbers[::2]) + 3 * sum(numbers[1::2])) % 10 == 0
