"""What policies beside a role's own take away from it: denials, endpoints' and keys' policies."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from checkout_assets.domain.access.circumstances import (
    Circumstances,
    all_hold,
    conditions_hold,
    names_principal,
)
from checkout_assets.domain.access.coverage import covers_pattern
from checkout_assets.domain.access.statements import Statement, as_list

Permission = tuple[str, str]
"""An action and the resource, or the pattern of resources, that it is needed on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Needed permissions that a policy takes away, and those of which that is not known."""

    taken: Sequence[Permission] = ()
    unsure: Sequence[Permission] = ()


def denied_by(
    policy: Iterable[Statement], needed: Iterable[Statement], given: Circumstances, own: bool
) -> Limits:
    """What a policy denies; ``own`` if it is the role's, so that it names no principal."""
    denying = [
        (each, _applies(each, given, own)) for each in policy if each.get("Effect") == "Deny"
    ]
    certain = [each for each, applies in denying if applies]
    unknown = [each for each, applies in denying if applies is None]
    permissions = list(_permissions(needed))
    taken = [each for each in permissions if _any_touches(certain, *each)]
    unsure = [each for each in permissions if _any_touches(unknown, *each)]
    return Limits(taken, [each for each in unsure if each not in taken])


def not_allowed_by(
    policy: Iterable[Statement], needed: Iterable[Statement], given: Circumstances
) -> Limits:
    """What a policy that has to allow each request, an endpoint's or a key's, does not allow."""
    statements = list(policy)
    allowing = [
        (each, _applies(each, given, own=False))
        for each in statements
        if each.get("Effect") == "Allow"
    ]
    certain = [each for each, applies in allowing if applies]
    possible = [each for each, applies in allowing if applies is not False]
    lacking = [each for each in _permissions(needed) if not _any_covers(certain, *each)]
    taken = [each for each in lacking if not _any_covers(possible, *each)]
    denied = denied_by(statements, needed, given, own=False)
    unsure = [*denied.unsure, *(each for each in lacking if each not in taken)]
    return Limits([*denied.taken, *taken], [each for each in unsure if each not in denied.taken])


def _applies(statement: Statement, given: Circumstances, own: bool) -> bool | None:
    named = True if own else names_principal(statement, given)
    return all_hold((named, conditions_hold(statement, given)))


def _permissions(needed: Iterable[Statement]) -> Iterator[Permission]:
    for statement in needed:
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield str(action), str(resource)


def _any_touches(statements: Iterable[Statement], action: str, resource: str) -> bool:
    return any(
        _has(each, "Action", action.lower()) and _touches(each, resource) for each in statements
    )


def _any_covers(statements: Iterable[Statement], action: str, resource: str) -> bool:
    return any(
        _has(each, "Action", action.lower()) and _has(each, "Resource", resource)
        for each in statements
    )


def _has(statement: Statement, element: str, text: str) -> bool:
    """Whether the statement's actions or resources cover this one, which may be a pattern."""
    fold = str.lower if element == "Action" else str
    if element in statement:
        return any(covers_pattern(fold(str(each)), text) for each in as_list(statement[element]))
    others = as_list(statement.get(f"Not{element}", "*"))
    return not any(covers_pattern(fold(str(each)), text) for each in others)


def _touches(statement: Statement, resource: str) -> bool:
    """Whether the statement's resources cover this one, or lie within it."""
    own = as_list(statement.get("Resource", []))
    inside = (covers_pattern(resource, str(each)) for each in own)
    return _has(statement, "Resource", resource) or any(inside)
