"""Sentences that hold a count, in the grammar that fits it."""

import re

_FORMS = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")


def in_number(count: int, sentence: str) -> str:
    """The sentence for a count: ``#`` is the count, ``[one|many]`` the form that fits it.

    For example ``# object[|s] [is|are] missing``. Nothing that strangers wrote may be part of it.
    """
    fitting = _FORMS.sub(lambda forms: forms[1] if count == 1 else forms[2], sentence)
    return fitting.replace("#", f"{count:,}")


def counted(count: int, noun: str) -> str:
    """For example ``1 object`` or ``1,234 objects``."""
    return in_number(count, f"# {noun}[|s]")


def part_of(part: int, whole: int, noun: str, rest: str = "") -> str:
    """For example ``1 of 3 objects is missing``.

    The noun fits the whole; ``rest``, which ``in_number`` reads, fits the part.
    """
    return f"{part:,} of {counted(whole, noun)}{in_number(part, rest)}"
