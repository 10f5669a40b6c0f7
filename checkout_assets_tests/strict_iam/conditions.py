"""Conditions of policy statements: operators, and the keys that requests have."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

Context = Mapping[str, str]
"""The condition keys of a request, in lower case; keys without a value are absent."""

KNOWN_KEYS = frozenset(
    (
        "aws:currenttime",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:securetransport",
        "ec2:createaction",
        "iam:passedtoservice",
        "kms:grantisforawsresource",
        "kms:viaservice",
        "s3:delimiter",
        "s3:prefix",
    )
)

_KEYS_OF_TAGS = ("aws:requesttag/", "aws:resourcetag/")
_IF_EXISTS = "IfExists"
_Values = Sequence[str]
_Test = Callable[[str, _Values], bool]


class UnknownPolicyError(Exception):
    """A policy uses an element that is not implemented here and must not be ignored."""


def holds(conditions: Mapping[str, Any], context: Context) -> bool:
    """Whether all conditions of a statement hold; raises UnknownPolicyError."""
    # Everything is looked at, so that what is unknown raises whatever else fails.
    found = [_operator_holds(name, keys, context) for name, keys in conditions.items()]
    return all(found)


def like(pattern: str, text: str) -> bool:
    """Whether a text is of a pattern, in which ``*`` is any text and ``?`` any character."""
    return _compiled(pattern).fullmatch(text) is not None


def listed(value: Any) -> list[Any]:
    """A list, also for a single value without brackets."""
    return value if isinstance(value, list) else [value]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    if "${" in pattern:
        raise UnknownPolicyError(f"policy variables are not known: {pattern}")
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def _operator_holds(name: str, keys: Mapping[str, Any], context: Context) -> bool:
    operator = name.removesuffix(_IF_EXISTS)
    if operator != "Null" and operator not in _OPERATORS:
        raise UnknownPolicyError(f"the condition operator {name} is not known")
    unknown = [key for key in keys if not _is_known(key.lower())]
    if unknown:
        raise UnknownPolicyError(f"the condition key {unknown[0]} is not known")
    found = [_key_holds(name, context.get(key.lower()), _texts(v)) for key, v in keys.items()]
    return all(found)


def _is_known(key: str) -> bool:
    return key in KNOWN_KEYS or key.startswith(_KEYS_OF_TAGS)


def _key_holds(name: str, value: str | None, wanted: _Values) -> bool:
    operator = name.removesuffix(_IF_EXISTS)
    if operator == "Null":
        return str(value is None).lower() in wanted
    if value is None:
        return name.endswith(_IF_EXISTS) or operator in _NEGATED
    return _OPERATORS[operator](value, wanted)


def _texts(value: Any) -> list[str]:
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in listed(value)]


def _arn_like(value: str, wanted: _Values) -> bool:
    """Part by part: a ``*`` never reaches beyond a colon, but for the last of the six parts."""
    parts = value.split(":", 5)
    return any(
        len(pattern) == len(parts) and all(map(like, pattern, parts))
        for pattern in (each.split(":", 5) for each in wanted)
    )


def _equals(value: str, wanted: _Values) -> bool:
    return value in wanted


def _like_any(value: str, wanted: _Values) -> bool:
    return any(like(pattern, value) for pattern in wanted)


def _bool(value: str, wanted: _Values) -> bool:
    return value.lower() in [each.lower() for each in wanted]


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _compared(compare: Callable[[datetime, datetime], bool]) -> _Test:
    return lambda value, wanted: any(compare(_instant(value), _instant(w)) for w in wanted)


def _not(test: _Test) -> _Test:
    return lambda value, wanted: not test(value, wanted)


_POSITIVE: dict[str, _Test] = {
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _bool,
    "DateGreaterThan": _compared(datetime.__gt__),
    "DateGreaterThanEquals": _compared(datetime.__ge__),
    "DateLessThan": _compared(datetime.__lt__),
    "DateLessThanEquals": _compared(datetime.__le__),
    "StringEquals": _equals,
    "StringLike": _like_any,
}
_NEGATED: dict[str, _Test] = {
    "ArnNotEquals": _not(_arn_like),
    "ArnNotLike": _not(_arn_like),
    "StringNotEquals": _not(_equals),
    "StringNotLike": _not(_like_any),
}
_OPERATORS = {**_POSITIVE, **_NEGATED}
