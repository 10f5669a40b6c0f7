"""Decide whether a member is kept or removed: by its name, its place and, if needed, its value.

Values are those of ``exact_json``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Optional, Tuple

from spark_jobs.conforming.card_numbers import holds_card_number, is_card_number
from spark_jobs.conforming.exact_json import NotJsonError, Number, Object, is_surely_object, parse
from spark_jobs.conforming.mentions import (
    MAY_BE_JSON,
    assigns_card_data,
    names_card_data,
    tells_card_number,
)
from spark_jobs.conforming.paths import Path, keys_of
from spark_jobs.conforming.scalars import EMPTY
from spark_jobs.schema.name_cache import cached_if_short
from spark_jobs.schema.redacted_names import (
    AMBIGUOUS,
    MENTIONS,
    NO_CERTAIN_NAME,
    Meaning,
    is_value_key,
    meaning_of_name,
)
from spark_jobs.schema.removals import CLEANED_BELOW, CLEANED_IF_CONTAINING

KEEP, CLEAN, REDACT, BY_VALUE = range(4)

_CLEANED_KEYS = frozenset(place[-1] for place in CLEANED_BELOW)
_CLEANED_PLACES = frozenset(CLEANED_BELOW)

_DIGITS = r"[0-9](?:[ ._/-]?[0-9])"
_COULD_BE_NUMBER = re.compile(rf"[\s\"']*{_DIGITS}{{11,18}}[\s\"']*")
_HOLDS_NUMBER = re.compile(rf"{_DIGITS}{{11}}")
_COULD_BE_CODE = re.compile(r"[\s\"']*[0-9]{3,4}[\s\"']*")
_COULD_BE_EXPIRY = re.compile(
    r"[\s\"']*(?:(?:0?[1-9]|1[0-2])[ ./-]{0,3}(?:20)?[0-9]{2}"
    r"|20[0-9]{2}[ ./-]{0,3}(?:0[1-9]|1[0-2]))[\s\"']*"
)
_SEPARATORS = re.compile(r"[\s\"'._/-]+")
_OF_VALUE = frozenset(
    (Meaning.MAYBE_NUMBER, Meaning.MAYBE_CODE, Meaning.MAYBE_EXPIRY, Meaning.MENTIONS_CODE)
)
"""Meanings that the value of an object with such a name has, too."""
NAMES_CARD_DATA = AMBIGUOUS | {Meaning.CARD_DATA}
"""Meanings of names whose value may be card data."""
_KNOWN_NAMES = 1 << 14
_KNOWN_PLACES = 1 << 10
"""Names and places whose fate is cached: many more than our own texts have."""
_LONGEST_PLACE = 256
"""Characters of the longest place whose fate is cached; our own texts have at most half of it."""


def fate(key: str, parent: Path) -> int:
    """Return the fate of a member by name and place: KEEP, CLEAN, REDACT or BY_VALUE."""
    above = keys_of(parent)
    is_short = len(key) + sum(map(len, above)) <= _LONGEST_PLACE
    return _known_fate(key, above) if is_short else _fate(key, above)


def _fate(key: str, above: Tuple[str, ...]) -> int:
    found = _fate_of_name(key, above)
    if found == REDACT:
        return found
    lowered = key.lower()
    if CLEANED_IF_CONTAINING in lowered:
        return CLEAN
    if lowered in _CLEANED_KEYS and (*map(str.lower, above), lowered) in _CLEANED_PLACES:
        return CLEAN
    return BY_VALUE if meaning_of_name(key) is Meaning.PAYMENTS else found


_known_fate = lru_cache(_KNOWN_PLACES)(_fate)


def fate_of_name(name: str, parent: Path) -> int:
    """Return the fate of a value of this name in the object at ``parent``, by redaction alone."""
    return _fate_of_name(name, keys_of(parent))


def _fate_of_name(name: str, above: Tuple[str, ...]) -> int:
    meaning = meaning_at(name, above)
    if meaning is Meaning.CARD_DATA:
        return REDACT
    if meaning is Meaning.PAYMENTS:
        return KEEP
    below_payments = _are_payments(above)
    if meaning is None or meaning in MENTIONS:
        may_be_number = meaning is not None or below_payments
        unnamed = BY_VALUE if may_be_number else KEEP
        return REDACT if _is_value(name, may_be_number) else unnamed
    return _fate_of_ambiguous(meaning, below_payments)


def _fate_of_ambiguous(meaning: Meaning, below_payments: bool) -> int:
    if meaning is Meaning.BILLING_ADDRESS:
        return REDACT if below_payments else KEEP
    if meaning is Meaning.BARE_NUMBER:
        return BY_VALUE if below_payments else KEEP
    return REDACT if below_payments and meaning is not Meaning.CARD else BY_VALUE


def goes(name: str, value: Any, parent: Path) -> bool:
    """Whether a value is redacted if its name and place do not decide that."""
    above = keys_of(parent)
    meaning = meaning_at(name, above)
    if meaning is Meaning.PAYMENTS:
        return not holds_payments(value)
    holds_number = _are_payments(above) and _holds_card_number(value)
    if meaning is None or holds_number:
        return holds_number
    if meaning is Meaning.MENTIONS_CARD:
        return holds_only_card_number(value)
    if meaning is Meaning.MENTIONS_CODE:
        return _matches(_COULD_BE_CODE.fullmatch, value)
    if meaning is Meaning.CARD and _are_payments(above):
        return _is_or_opens_object(value) or _matches(_HOLDS_NUMBER.search, value)
    return (
        _matches(_COULD_BE_NUMBER.fullmatch, value)
        or (meaning is Meaning.MAYBE_CODE and _matches(_COULD_BE_CODE.fullmatch, value))
        or (meaning is Meaning.MAYBE_EXPIRY and _matches(_COULD_BE_EXPIRY.fullmatch, value))
    )


def holds_payments(value: Any) -> bool:
    """Whether the value is null, an object or a list of these, also as text: what can be read."""
    if type(value) is list:
        return all(item is None or type(item) is Object or _is_empty(item) for item in value)
    if type(value) is not str:
        return value is None or type(value) is Object
    if value in EMPTY or is_surely_object(value):
        return True
    try:
        return holds_payments(parse(value))
    except NotJsonError:
        return False


def _is_empty(value: Any) -> bool:
    return type(value) is str and value in EMPTY


def _holds_card_number(value: Any) -> bool:
    """Whether a scalar, or a scalar in a list, also in text, holds a card number.

    Members of an object are checked one by one.
    """
    if type(value) is list:
        return any(map(_holds_card_number, value))
    inside = value_in_text(value)
    if inside is not None:
        return _holds_card_number(inside)
    return type(value) in (str, Number) and holds_card_number(value)


def holds_only_card_number(value: Any) -> bool:
    """Whether a scalar, or a scalar in a list, also in text, is exactly a card number."""
    return _matches(_card_number, value)


def holds_whole_card_number(value: Any) -> bool:
    """Like ``holds_only_card_number``, but only the usual separators may stand in the number."""
    return _matches(_whole_card_number, value)


def is_below_payments(path: Path) -> bool:
    """Whether a payments member is among the keys of this place."""
    return _are_payments(keys_of(path))


def _are_payments(keys: Tuple[str, ...]) -> bool:
    """Whether a payments member is among the keys that lead to a place."""
    return Meaning.PAYMENTS in map(meaning_of_name, keys)


def meaning_at(name: str, above: Tuple[str, ...]) -> Optional[Meaning]:
    """Return what a name means in its place: ``number`` below ``card`` is the number of a card."""
    meaning = meaning_of_name(name)
    if meaning is Meaning.CARD_DATA:
        return meaning
    said_above = meaning_of_name(above[-1]) if above else None
    if said_above in _OF_VALUE and meaning is None:
        return _in_ambiguous(said_above, name)
    if said_above is Meaning.CARD:
        in_card = meaning_of_name(f"card {name}")
        is_sure = in_card not in NO_CERTAIN_NAME
        return in_card if is_sure else meaning or in_card
    if said_above is Meaning.MENTIONS_CARD:
        return meaning or said_above
    if said_above is Meaning.MAYBE_HOLDER:
        return meaning_of_name(f"holder {name}") or meaning
    return meaning


def _in_ambiguous(said_above: Meaning, name: str) -> Optional[Meaning]:
    """Return a neutral name's meaning below an ambiguous one: ``{"pan": {"value": "4..."}}``."""
    if is_value_key(name):
        return said_above
    return Meaning.MENTIONS_CARD if said_above is Meaning.MAYBE_NUMBER else None


def place_decides(path: Path) -> bool:
    """Whether names at this place mean more than elsewhere: below payments, or in a card."""
    keys = keys_of(path)
    return bool(keys) and (meaning_of_name(keys[-1]) is not None or _are_payments(keys))


def _is_or_opens_object(value: Any) -> bool:
    return type(value) in (list, Object) or (
        type(value) is str and value.lstrip()[:1] in {"{", "["}
    )


@cached_if_short(_KNOWN_NAMES)
def _is_value(name: str, may_be_number: bool) -> bool:
    """Whether a name is really a value: if a form body was read wrongly, all of it is the key.

    A card number alone counts only in a place that is about cards.
    """
    if may_be_number and _card_number(name) is not None:
        return True
    if _HOLDS_NUMBER.search(name) is None:
        return False
    if name[:1] in MAY_BE_JSON:
        return names_card_data(name)
    return assigns_card_data(name) or tells_card_number(name)


def _whole_card_number(text: str) -> Optional[str]:
    return text if _card_number(text) is not None and holds_card_number(text) else None


def _card_number(text: str) -> Optional[str]:
    """Return the text if it is a card number that an issuer could issue."""
    digits = _SEPARATORS.sub("", text)
    return text if is_card_number(digits) else None


def _matches(match: Any, value: Any) -> bool:
    if type(value) is list:
        return any(_matches(match, item) for item in value)
    if type(value) in (str, Number) and match(value) is not None:
        return True
    inside = value_in_text(value)
    return inside is not None and _matches(match, inside)


def value_in_text(value: Any) -> Any:
    """Return the list, text or object that a text is, if it is JSON."""
    if type(value) is not str or value[:1] not in MAY_BE_JSON:
        return None
    try:
        inside = parse(value)
    except NotJsonError:
        return None
    return inside if type(inside) in (list, str, Object) else None
