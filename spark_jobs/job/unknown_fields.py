"""Count fields that the schema does not know, by names that may be shown.

Field names come from outside and are untrusted. A name is shown only if it is plain, is not card
data, and occurs in so many documents of a folder that it does not identify a person.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Dict, Iterable, Mapping

from spark_jobs.contract.words import UNNAMED
from spark_jobs.schema.name_cache import cached_if_short
from spark_jobs.schema.redacted_names import meaning_of_name

FEWEST_DOCUMENTS = 20
"""A field in fewer documents of a folder is counted, but not named."""

MOST_FIELDS = 50
"""Most fields that a record names; the others are counted."""

_MOST_COUNTED = 64
"""Most names that a slice of a folder counts, so that documents cannot fill the memory."""

_PLAIN = re.compile(r"\*|(?=.*[A-Za-z])[A-Za-z0-9_.]{1,64}")
_MOST_DIGITS = 4
"""More digits may be the number of an account, a person or a card."""
_KNOWN_PATHS = 1 << 10
_LONGEST_PATH = 256


def count_unknown(counts: Counter[str], paths: Iterable[str]) -> None:
    """Count a document's unknown fields, each path once."""
    for path in paths:
        countable = path in counts or len(counts) < _MOST_COUNTED
        counts[path if countable and is_plain(path) else UNNAMED] += 1


def named_often(counts: Mapping[str, int]) -> Dict[str, int]:
    """Return documents by the path of each field that may be named; the others as UNNAMED."""
    often = {
        path: documents
        for path, documents in counts.items()
        if path != UNNAMED and documents >= FEWEST_DOCUMENTS
    }
    most = sorted(often, key=lambda path: (-often[path], path))[:MOST_FIELDS]
    named = {path: often[path] for path in sorted(most)}
    others = sum(counts.values()) - sum(named.values())
    return {**named, UNNAMED: others} if others else named


@cached_if_short(_KNOWN_PATHS, _LONGEST_PATH)
def is_plain(path: str) -> bool:
    """Whether every step of a path is a plain name, or a list's index as ``*``."""
    return len(path) <= _LONGEST_PATH and all(map(_is_plain, path.split("/")[1:]))


def _is_plain(step: str) -> bool:
    return (
        _PLAIN.fullmatch(step) is not None
        and sum(map(str.isdigit, step)) <= _MOST_DIGITS
        and meaning_of_name(step) is None
    )
