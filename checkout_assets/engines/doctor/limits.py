"""Whether policies beside the roles' own deny what the roles need: of buckets, endpoints, keys.

A condition that depends on what is not known here, such as the network, makes a result unknown.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from checkout_assets.domain.access.circumstances import Circumstances
from checkout_assets.domain.access.limits import Limits, Permission, denied_by, not_allowed_by
from checkout_assets.domain.access.policy_text import PolicyText
from checkout_assets.domain.access.role_policies import ROLE_POLICIES
from checkout_assets.domain.access.statements import Statement, as_list
from checkout_assets.domain.access.terms import AccessTerms
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.account import AwsClients
from checkout_assets.engines.doctor.asking import answered, ask
from checkout_assets.engines.doctor.endpoints import VpcEndpoint
from checkout_assets.engines.doctor.roles import (
    NeededRole,
    permission_text,
    shown_permissions,
)
from checkout_assets.engines.doctor.settling import settled, settled_one

_KMS_GUIDE = "docs/deploy/access.md#kms"
_ORGANIZATION = Topic("AWS account", "service control policies", "docs/deploy/access.md")
_S3, _KMS = "s3:", "kms:"
_ENABLED = "Enabled"
Limiting = Callable[[Sequence[Statement], Sequence[Statement], Circumstances], Limits]


@dataclass(frozen=True, slots=True)
class RoleNeed:
    """What a role needs; ``given`` is what is known of its requests."""

    what: str
    statements: Sequence[Statement]
    given: Circumstances

    def of(self, service: str, resource: str = "") -> Sequence[Statement]:
        """The part of it with actions of that service, on resources that begin so."""
        parts = (_part(each, service, resource) for each in self.statements)
        return [each for each in parts if each["Action"] and each["Resource"]]


def role_needs(roles: Iterable[NeededRole], terms: AccessTerms, now: str) -> list[RoleNeed]:
    """What each role needs by the policies that it should have."""
    return [
        RoleNeed(
            role.what,
            [each for name in role.policies for each in ROLE_POLICIES[name](terms)],
            Circumstances(role.arn, now),
        )
        for role in roles
    ]


def bucket_denial_results(
    bucket: str, policy: PolicyText, needs: Sequence[RoleNeed]
) -> Iterator[CheckResult]:
    """Whether the bucket's policy denies what a role needs in the bucket."""
    topic = Topic(f"bucket {bucket}", "denials", "docs/deploy/access.md#what-the-buckets-get")
    arn = f":s3:::{bucket}"
    inside = [(need, [*need.of(_S3, arn)]) for need in needs]
    yield from settled(
        topic,
        lambda: [_judged(topic, policy.statements, inside, partial(denied_by, own=False))],
    )


def endpoint_policy_results(
    topic: Topic, endpoint: VpcEndpoint, needs: Sequence[RoleNeed]
) -> Iterator[CheckResult]:
    """Whether an endpoint's policy lets pass what the roles need of its service."""
    named = Topic(topic.subject, f"endpoint {endpoint.id}: policy", topic.guide)
    if not endpoint.policy:
        yield named.ok("it has none, and lets everything pass")
        return
    wanted = [(need, need.of(f"{endpoint.service}:")) for need in needs]
    yield from settled(
        named,
        lambda: [
            _judged(
                named,
                endpoint.limiting(PolicyText(endpoint.policy).statements),
                wanted,
                not_allowed_by,
            )
        ],
    )


def key_results(clients: AwsClients, needs: Sequence[RoleNeed]) -> Iterator[CheckResult]:
    """Whether each KMS key that policies name is enabled, and lets the roles use it."""
    for key in sorted({key for need in needs for key in _keys_of(need)}):
        region, name = key.split(":")[3], key.rpartition("/")[2]
        topic = Topic(f"key {name}", "policy", _KMS_GUIDE)
        check = partial(_key, topic, clients, key, [(need, need.of(_KMS, key)) for need in needs])
        yield settled_one(topic, partial(check, region))


def organization_results(clients: AwsClients) -> Iterator[CheckResult]:
    """Whether an organization's policies may deny something, which no member account can read."""
    yield from settled(_ORGANIZATION, lambda: [_organization(clients)])


def _organization(clients: AwsClients) -> CheckResult:
    absent = ("AWSOrganizationsNotInUseException",)
    answer = ask(clients.of("organizations"), "describe_organization", absent)
    if answer is None:
        return _ORGANIZATION.ok("the account is not in an organization")
    owner = displayable(str(answer["Organization"].get("MasterAccountId", "")))
    return _ORGANIZATION.unknown(
        f"the account is in an organization, whose policies only account {owner} can read",
        "Ask the administrators of the organization whether a service control policy denies what "
        "checkout-assets access show lists.",
    )


def _key(
    topic: Topic,
    clients: AwsClients,
    key: str,
    wanted: Sequence[tuple[RoleNeed, Sequence[Statement]]],
    region: str,
) -> CheckResult:
    kms = clients.of("kms", region)
    found = ask(kms, "describe_key", ("NotFoundException",), KeyId=key)
    state = str(found["KeyMetadata"]["KeyState"]) if found else "missing"
    if state != _ENABLED:
        return topic.failed(
            f"The key is {displayable(state)}.", "Enable it, or name the key that the bucket uses."
        )
    policy = answered(ask(kms, "get_key_policy", KeyId=key, PolicyName="default"))["Policy"]
    return _judged(topic, PolicyText(str(policy)).statements, wanted, not_allowed_by)


def _judged(
    topic: Topic,
    policy: Sequence[Statement],
    wanted: Sequence[tuple[RoleNeed, Sequence[Statement]]],
    limiting: Limiting,
) -> CheckResult:
    found = [(need, limiting(policy, statements, need.given)) for need, statements in wanted]
    taken = [_text(need, each) for need, limits in found for each in limits.taken]
    unsure = [_text(need, each) for need, limits in found for each in limits.unsure]
    if taken:
        return topic.failed(
            f"It does not let pass: {shown_permissions(taken)}.",
            "Allow it, or exempt the role from the statement that denies it.",
        )
    if unsure:
        return topic.unknown(
            f"conditions that are not known here decide on: {shown_permissions(unsure)}",
            "Compare the conditions of its statements with the network and the requests of the "
            "role.",
        )
    return topic.ok("it denies nothing that the roles need")


def _text(need: RoleNeed, permission: Permission) -> str:
    return f"{permission_text(permission)} ({need.what})"


def _part(statement: Statement, service: str, resource: str) -> dict[str, Any]:
    return {
        "Action": [each for each in as_list(statement["Action"]) if each.startswith(service)],
        "Resource": [each for each in as_list(statement["Resource"]) if resource in each],
    }


def _keys_of(need: RoleNeed) -> list[str]:
    return [str(key) for each in need.of(_KMS) for key in each["Resource"]]
