"""Sentences that hold a count, in the grammar that fits it."""

import re

_FORMS = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")


def in_number(count: int, sentence: str) -> str:
    """The sentence for a count: ``#`` is the count, ``[one|many]`` the form that fits it.

    For example ``# object[|s] [is|are] missing``. Nothing that strangers wrote may be part of it.
    """
    fitting = _FORMS.sub(lambda forms: forms[1] if count == 1 else forms[2], sentence)
    return fitting.replace("#", f"{count:,}")


def of_folders(part: int, whole: int, rest: str = "") -> str:
    """For example ``1 of 3 folders is not complete``.

    The noun fits the whole; ``rest``, which ``in_number`` reads, fits the part.
    """
    return f"{part:,} of {in_number(whole, '# folder[|s]')}{in_number(part, rest)}"
