"""The decision: a caller's own policies, a resource's policy, and the accounts of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from checkout_assets_tests.strict_iam.conditions import (
    Context,
    UnknownPolicyError,
    holds,
    like,
    listed,
)

Document = Mapping[str, Any]
"""A policy as JSON has it."""

_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = frozenset(
    (
        *("Sid", "Effect", "Principal", "Condition"),
        *("Action", "NotAction", "Resource", "NotResource"),
    )
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A session of a role: the role's ARN, and the policies attached to the role."""

    role: str
    policies: Sequence[Document] = ()

    @property
    def account(self) -> str:
        return self.role.split(":")[4]


@dataclass(frozen=True, slots=True)
class Ask:
    """One action on one resource, with the condition keys of the request."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


class Owner(StrEnum):
    """How an account's resources trust the account itself."""

    BUCKET = "bucket"
    """The account's own policies are enough."""
    KEY = "key"
    """A KMS key's policy must let them in, by naming the account or the role."""


class Said(Enum):
    """The decision of a policy about a request."""

    NOTHING = 0
    TO_ACCOUNT = 1
    """Allowed to the caller's account, which has to pass it on by a policy of its own."""
    ALLOW = 2
    DENY = 3


def allowed(
    ask: Ask,
    caller: Caller,
    resource_policy: Document | None,
    account: str,
    owner: Owner = Owner.BUCKET,
) -> bool:
    """Whether the caller may do it; ``account`` is the resource's. Raises UnknownPolicyError."""
    own = [_identity_says(policy, ask) for policy in caller.policies]
    resource = _resource_says(resource_policy, ask, caller) if resource_policy else Said.NOTHING
    if Said.DENY in own or resource is Said.DENY:
        return False
    identity = Said.ALLOW in own
    if caller.account != account:
        return identity and resource is not Said.NOTHING
    if resource is Said.ALLOW:
        return True
    return identity and (owner is Owner.BUCKET or resource is Said.TO_ACCOUNT)


def _identity_says(policy: Document, ask: Ask) -> Said:
    for statement in _statements(policy):
        if "Principal" in statement:
            raise UnknownPolicyError("a role's own policy names no principal")
    return _strongest([_effect(s, Said.ALLOW) for s in _statements(policy) if _applies(s, ask)])


def _resource_says(policy: Document, ask: Ask, caller: Caller) -> Said:
    said = []
    for statement in _statements(policy):
        named = _names(statement, caller)
        if _applies(statement, ask) and named is not Said.NOTHING:
            said.append(_effect(statement, named))
    return _strongest(said)


def _strongest(said: Sequence[Said]) -> Said:
    return max(said, key=lambda each: each.value, default=Said.NOTHING)


def _effect(statement: Document, allows: Said) -> Said:
    effect = statement["Effect"]
    if effect not in {"Allow", "Deny"}:
        raise UnknownPolicyError(f"the effect {effect} is not known")
    return Said.DENY if effect == "Deny" else allows


def _statements(policy: Document) -> list[Document]:
    if policy.get("Version") not in _VERSIONS:
        raise UnknownPolicyError(f"the version {policy.get('Version')} is not known")
    statements: list[Document] = listed(policy["Statement"])
    for statement in statements:
        unknown = sorted(statement.keys() - _ELEMENTS)
        if unknown:
            raise UnknownPolicyError(f"the element {unknown[0]} is not known")
    return statements


def _applies(statement: Document, ask: Ask) -> bool:
    """Whether a statement is about the request; its conditions are looked at in any case."""
    conditions = holds(statement.get("Condition", {}), ask.context)
    action = _is_among(statement, "Action", lambda p: like(p.lower(), ask.action.lower()))
    return (
        action and _is_among(statement, "Resource", lambda p: like(p, ask.resource)) and conditions
    )


def _is_among(statement: Document, element: str, matches: Any) -> bool:
    negated = f"Not{element}"
    if (element in statement) == (negated in statement):
        raise UnknownPolicyError(f"a statement has one of {element} and {negated}")
    if element in statement:
        return any(map(matches, listed(statement[element])))
    return not any(map(matches, listed(statement[negated])))


def _names(statement: Document, caller: Caller) -> Said:
    principal = statement.get("Principal")
    if principal == "*":
        return Said.ALLOW
    if not isinstance(principal, Mapping) or principal.keys() - {"AWS", "Service"}:
        raise UnknownPolicyError(f"the principal {principal} is not known")
    named = listed(principal.get("AWS", []))
    if "*" in named or caller.role in named:
        return Said.ALLOW
    account = caller.account
    roots = {account, f"arn:aws:iam::{account}:root"}
    return Said.TO_ACCOUNT if roots.intersection(named) else Said.NOTHING
