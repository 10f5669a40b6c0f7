"""Rules for policy statements: one function per rule."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_assets.domain.access.statements import SID_PREFIX, Statement, as_list
from checkout_assets.domain.access.terms import LONGEST_DAYS

_LONGEST = timedelta(days=LONGEST_DAYS + 1)
_OPEN = "*"


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a statement breaks, and the statement's id."""

    rule: str
    sid: str


Rule = Callable[[Statement, datetime], bool]
"""Whether an allowing statement follows the rule at that time."""


def no_account_root(statement: Statement, now: datetime) -> bool:
    """Roles are named, no whole account and not everybody."""
    if "NotPrincipal" in statement:
        return False
    return not any(_is_root(each) for each in _principals(statement))


def no_wildcard_action(statement: Statement, now: datetime) -> bool:
    """Actions are named, no ``s3:*`` or other pattern."""
    actions = as_list(statement.get("Action", _OPEN))
    return not any("*" in action or "?" in action for action in actions)


def no_whole_bucket(statement: Statement, now: datetime) -> bool:
    """Of S3, objects lie below named prefixes, and what is listed too."""
    actions = as_list(statement.get("Action", _OPEN))
    if not any(action == _OPEN or action.lower().startswith("s3:") for action in actions):
        return True
    resources = as_list(statement.get("Resource", _OPEN))
    if any(each == _OPEN or each.endswith(":*") or _is_all_of(each) for each in resources):
        return False
    lists = any(action.lower().startswith("s3:list") for action in actions)
    return not lists or "s3:prefix" in _condition_keys(statement)


def expires_soon(statement: Statement, now: datetime) -> bool:
    """It ends by itself, and within 90 days."""
    ends = [
        _instant(value)
        for operator, keys in statement.get("Condition", {}).items()
        if operator in {"DateLessThan", "DateLessThanEquals"}
        for name, values in keys.items()
        if name.lower() == "aws:currenttime"
        for value in as_list(values)
    ]
    return bool(ends) and all(end is not None and now < end <= now + _LONGEST for end in ends)


def only_over_tls(statement: Statement, now: datetime) -> bool:
    """It holds for encrypted connections only."""
    required = statement.get("Condition", {}).get("Bool", {})
    return any(
        name.lower() == "aws:securetransport"
        and [str(v).lower() for v in as_list(value)] == ["true"]
        for name, value in required.items()
    )


def names_who_asked(statement: Statement, now: datetime) -> bool:
    """Its id says what it is and for whom."""
    whole = str(statement.get("Sid", ""))
    return whole.startswith(SID_PREFIX) and "By" in whole


LASTING_RULES: Sequence[Rule] = (no_account_root, no_wildcard_action, no_whole_bucket)
"""The rules for every statement that allows something."""

TEMPORARY_RULES: Sequence[Rule] = (
    *LASTING_RULES,
    expires_soon,
    only_over_tls,
    names_who_asked,
)
"""The rules for statements that allow another account."""


def lint(
    statements: Iterable[Statement], now: datetime, rules: Sequence[Rule] = TEMPORARY_RULES
) -> list[Breach]:
    """The rules that statements break; those that deny can break none."""
    return [
        Breach(rule.__name__, str(statement.get("Sid", "")))
        for statement in statements
        if statement.get("Effect") == "Allow"
        for rule in rules
        if not rule(statement, now)
    ]


def _principals(statement: Statement) -> list[str]:
    """Who is named, as ARNs, account ids or ``*``; services and federations left out."""
    named = statement.get("Principal", ())
    return as_list(named if isinstance(named, str) else dict(named).get("AWS", []))


def _is_root(principal: str) -> bool:
    return principal == _OPEN or principal.endswith(":root") or principal.isdigit()


def _is_all_of(resource: str) -> bool:
    return resource.partition(":::")[2].partition("/")[2] == _OPEN


def _condition_keys(statement: Statement) -> set[str]:
    return {key.lower() for keys in statement.get("Condition", {}).values() for key in keys}


def _instant(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
