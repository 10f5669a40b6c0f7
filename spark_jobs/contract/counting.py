"""Sentences with a count, in singular or plural."""

import re

_FORMS = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")


def in_number(count: int, sentence: str) -> str:
    """The sentence for a count: ``#`` is the count, ``[one|many]`` its singular and plural form.

    For example ``# object[|s] [is|are] missing``. ``sentence`` must not hold text from outside the
    program, which could contain these characters.
    """
    fitting = _FORMS.sub(lambda forms: forms[1] if count == 1 else forms[2], sentence)
    return fitting.replace("#", f"{count:,}")


def counted(count: int, noun: str) -> str:
    """For example ``1 object`` or ``1,234 objects``."""
    return in_number(count, f"# {noun}[|s]")


def part_of(part: int, whole: int, noun: str, rest: str = "") -> str:
    """For example ``1 of 3 objects is missing``.

    The noun agrees with the whole, ``rest`` with the part; ``rest`` is as in ``in_number``.
    """
    return f"{part:,} of {counted(whole, noun)}{in_number(part, rest)}"
