"""What an object says about its members: the name of its value, or that the object is a card.

Values are those of ``exact_json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, FrozenSet, List, Optional, Tuple

from spark_jobs.conforming.exact_json import Object
from spark_jobs.conforming.fates import (
    NAMES_CARD_DATA,
    holds_only_card_number,
    holds_whole_card_number,
    value_in_text,
)
from spark_jobs.conforming.given_names import names_given, names_listed, names_mentioned
from spark_jobs.conforming.mentions import MAY_BE_JSON, holds_base64
from spark_jobs.conforming.text_tables import holds_column_of_card_data
from spark_jobs.schema.redacted_names import (
    AMBIGUOUS,
    Meaning,
    is_naming_key,
    is_value_key,
    meaning_of_name,
)

_SIBLINGS = frozenset(
    (Meaning.CARD_DATA, Meaning.MAYBE_CODE, Meaning.MAYBE_EXPIRY, Meaning.MAYBE_HOLDER)
)
"""Meanings of names that make a number beside them a card number, if its name is only "number"."""
_SURE = frozenset((Meaning.CARD_DATA,))
_MOST_COLUMNS = 8
"""Most columns of card data that are searched below their heads: an object may name thousands."""


@dataclass(frozen=True)
class About:
    """What an object as a whole says about its members.

    ``named`` is the name that it gives its value, if that name matters for redaction. ``is_card``
    says that the object is a card, wherever it stands and whatever its name is.
    """

    named: Optional[str]
    is_card: bool

    def is_about(self, key: str) -> bool:
        """Whether a member of this key has another meaning here than it would have alone."""
        return self.is_card or (self.named is not None and is_value_key(key))


_NOTHING = About(None, False)


def about(members: List[Tuple[str, Any]]) -> About:
    """Find out what an object says about its members.

    The name of a value, as in ``{"name": "cardNumber", "value": "4..."}``, may stand in an object
    of its own, ``{"field": {"name": "cardNumber"}, ...}``, also as text.
    """
    heads = [value for key, value in members if is_naming_key(key) and _may_name(value)]
    named = _named_by(heads, members) if heads else None
    is_card = _is_card(members)
    return About(named, is_card) if named or is_card else _NOTHING


def _is_card(members: List[Tuple[str, Any]]) -> bool:
    """Whether the object holds a card number beside an expiry, a code or a holder."""
    meanings = {meaning_of_name(key) for key, _ in members}
    return (
        Meaning.BARE_NUMBER in meanings
        and not _SIBLINGS.isdisjoint(meanings)
        and any(
            meaning_of_name(key) is Meaning.BARE_NUMBER and holds_whole_card_number(value)
            for key, value in members
        )
    )


def _may_name(value: Any) -> bool:
    """Whether a value in the place of a name may name card data; most values do not."""
    if type(value) is not str:
        return type(value) in (list, Object)
    return value[:1] in MAY_BE_JSON or meaning_of_name(value) is not None or holds_base64(value)


def _named_by(heads: List[Any], members: List[Tuple[str, Any]]) -> Optional[str]:
    """Return the name that these heads give the values among the members; prefers a certain one."""
    names = [name for head in heads for name in names_given(head)]
    values = [value for key, value in members if is_value_key(key)]
    return (
        _of(_SURE, names)
        or _listed_by(heads, values)
        or _of(AMBIGUOUS, names)
        or _mentioned_by(heads, values)
    )


def _of(meanings: FrozenSet[Meaning], names: List[str]) -> Optional[str]:
    """Return the first of these names that has one of the meanings."""
    return next((name for name in names if meaning_of_name(name) in meanings), None)


def _listed_by(heads: List[Any], values: List[Any]) -> Optional[str]:
    """Return a column's name beside its rows, ``{"names": ["cardNumber"], "values": ["4..."]}``."""
    columns = ((head, name) for head in heads for name in names_listed(head))
    sure = ((head, name) for head, name in columns if meaning_of_name(name) is Meaning.CARD_DATA)
    few = list(islice(sure, _MOST_COLUMNS))
    return next((name for head, name in few if any(_heads(head, each) for each in values)), None)


def _heads(head: Any, value: Any) -> bool:
    """Whether a value may be the rows below a head: a list, or lines of text below a line."""
    if type(value) is list or type(value_in_text(value)) is list:
        return True
    are_lines = type(head) is str and type(value) is str
    return are_lines and holds_column_of_card_data(f"{head}\n{value}")


def _mentioned_by(heads: List[Any], values: List[Any]) -> Optional[str]:
    """Return the name in a list or among keys beside a card number, ``{"name": ["pan"], ...}``."""
    if not any(map(holds_only_card_number, values)):
        return None
    names = (name for head in heads for name in names_mentioned(head))
    return next((name for name in names if meaning_of_name(name) in NAMES_CARD_DATA), None)
