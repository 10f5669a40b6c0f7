"""Finds counts in sentences that do not fit their nouns and verbs, or lack their separators."""

import re

_NOUNS = (
    "object|document|row|folder|name|value|number|file|byte|run|statement|character|day|node|rule"
)
_ONE, _MANY = {"is", "was", "has", "lies", "goes", "stays"}, {"are", "were", "have", "lie", "stay"}
_COUNT = re.compile(
    r"(?:(?P<part>\d[\d,]*) of )?(?P<whole>\d[\d,]*) (?:[a-z]+ (?!of\b))?"
    rf"(?P<noun>(?:{_NOUNS})s?)\b(?: (?P<verb>{'|'.join(_ONE | _MANY)})\b)?"
)
_LONG = re.compile(r"(?<![\w,.#-])\d{4,}(?![\w,.-])")


def faults(sentence: str) -> list[str]:
    """Every place in the sentence where a count and its words do not agree."""
    found = [match[0] for match in _COUNT.finditer(sentence) if not _agrees(match)]
    return found + _LONG.findall(sentence)


def _agrees(match: re.Match[str]) -> bool:
    whole, part = _number(match["whole"]), _number(match["part"] or match["whole"])
    if (whole == 1) == match["noun"].endswith("s"):
        return False
    verb = match["verb"]
    return verb is None or verb in (_ONE if part == 1 else _MANY)


def _number(text: str) -> int:
    return int(text.replace(",", ""))
