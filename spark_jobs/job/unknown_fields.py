"""Counting fields that the schema does not know, by names that may be shown.

Field names are written by strangers. One is shown only if it is plain, is no card data, and stands
in so many documents of a folder that it is nobody's own.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Dict, Iterable, Mapping

from spark_jobs.contract.words import UNNAMED
from spark_jobs.schema.name_cache import cached_if_short
from spark_jobs.schema.redacted_names import meaning_of_name

FEWEST_DOCUMENTS = 20
"""A field of fewer documents of a folder is counted, not named."""

MOST_FIELDS = 50
"""Named in a record; the others are counted."""

_MOST_COUNTED = 64
"""Names that a slice of a folder counts, so that documents cannot fill the memory."""

_PLAIN = re.compile(r"\*|(?=.*[A-Za-z])[A-Za-z0-9_.]{1,64}")
_MOST_DIGITS = 4
"""More are an account's, a person's or a card's number."""
_KNOWN_PATHS = 1 << 10
_LONGEST_PATH = 256


def count_unknown(counts: Counter[str], paths: Iterable[str]) -> None:
    """Count a document's unknown fields, each path once."""
    for path in paths:
        countable = path in counts or len(counts) < _MOST_COUNTED
        counts[path if countable and is_plain(path) else UNNAMED] += 1


def named_often(counts: Mapping[str, int]) -> Dict[str, int]:
    """Documents by the path of a field that may be named, the others together as UNNAMED."""
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
