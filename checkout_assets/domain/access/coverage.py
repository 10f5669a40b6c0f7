"""Find the permissions that a role needs and lacks, from its statements."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from checkout_assets.domain.access.statements import Statement, as_list, same

_EXPIRY = ("DateLessThan", "aws:CurrentTime")


def lacking(
    needed: Iterable[Statement], held: Sequence[Statement], now: str
) -> Iterator[tuple[str, str]]:
    """Yield each action with a resource that no held statement allows, or that one denies.

    ``now`` is the time in the format of policies: a statement that ended before does not count. A
    held statement may allow more than is needed, never less. Only denials without a condition are
    known to apply.
    """
    allowing = [each for each in held if each.get("Effect") == "Allow" and _in_time(each, now)]
    denying = [each for each in held if each.get("Effect") == "Deny" and not each.get("Condition")]
    for statement in needed:
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                allowed = any(_covers(each, statement, action, resource) for each in allowing)
                if not allowed or any(_names(each, action, resource) for each in denying):
                    yield str(action), str(resource)


def _covers(held: Statement, needed: Statement, action: str, resource: str) -> bool:
    return _names(held, action, resource) and _is_no_stricter(held, needed)


def _names(held: Statement, action: str, resource: str) -> bool:
    """Whether the statement covers everything that this pattern of resources stands for."""
    actions = [str(each).lower() for each in as_list(held.get("Action", []))]
    resources = map(str, as_list(held.get("Resource", [])))
    named = any(covers_pattern(pattern, action.lower()) for pattern in actions)
    return named and any(covers_pattern(pattern, resource) for pattern in resources)


def covers_pattern(pattern: str, text: str) -> bool:
    """Match as policies do; a pattern in ``text`` matches only a pattern that covers all of it."""
    return _regex_of(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _regex_of(pattern: str) -> re.Pattern[str]:
    """The same few patterns are compared with many actions and resources."""
    parts = (
        ".*" if each == "*" else "[^*]" if each == "?" else re.escape(each) for each in pattern
    )
    return re.compile("".join(parts), re.DOTALL)


def _is_no_stricter(held: Statement, needed: Statement) -> bool:
    """Whether each condition of the held statement is one of the needed conditions."""
    wanted = dict(_conditions(needed))
    return all(
        name == _EXPIRY or (name in wanted and same({"": value}, {"": wanted[name]}))
        for name, value in _conditions(held)
    )


def _in_time(statement: Statement, now: str) -> bool:
    """Whether the statement has no end or ends later; instants in UTC compare as text."""
    ends = dict(_conditions(statement)).get(_EXPIRY, [])
    return all(now < str(end) for end in as_list(ends))


def _conditions(statement: Statement) -> Iterator[tuple[tuple[str, str], Any]]:
    told: Mapping[str, Mapping[str, Any]] = statement.get("Condition", {})
    for operator, values in told.items():
        for key, value in values.items():
            yield (operator, key), value
