"""The roles: whether they exist, which principals they trust, and what they allow."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from checkout_assets.domain.access.circumstances import Circumstances
from checkout_assets.domain.access.coverage import lacking
from checkout_assets.domain.access.limits import Permission, denied_by
from checkout_assets.domain.access.role_policies import ROLE_POLICIES
from checkout_assets.domain.access.role_statements import TO_EC2, TO_EMR
from checkout_assets.domain.access.statements import Statement, as_list
from checkout_assets.domain.access.terms import AccessTerms
from checkout_assets.domain.counting import counted
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.asking import answered, ask, ask_all
from checkout_assets.engines.doctor.settling import settled, settled_one

_GUIDE = "docs/deploy/access.md#who-is-who"
_ABSENT = ("NoSuchEntity",)
_MOST_SHOWN = 3
HOST_POLICIES = ("host_role", "launch_role", "reconcile_role", "tables_role")
COPY_ROLE, WORKER_ROLE, NODE_ROLE = "copy role", "worker role", "node role"


@dataclass(frozen=True, slots=True)
class NeededRole:
    """A role: its title, its ARN, the policies that it needs, and who assumes it.

    ``policies`` are names of ROLE_POLICIES; ``takers`` are ARNs of roles, or services.
    """

    what: str
    arn: str
    policies: Collection[str]
    takers: Collection[str] = ()

    @property
    def name(self) -> str:
        """The role's name, without its path."""
        return self.arn.rpartition("/")[2]


def needed_roles(terms: AccessTerms, host: str) -> list[NeededRole]:
    """The configured roles; ``host`` is the ARN of this process's principal."""
    takers = [host, *([terms.worker_role] if terms.worker_role and terms.reports else [])]
    roles = [
        NeededRole(COPY_ROLE, terms.copy_role, ("copy_role",), takers),
        NeededRole(WORKER_ROLE, terms.worker_role, ("worker_role",), (TO_EC2,)),
        NeededRole(NODE_ROLE, terms.structure_role, ("structure_role",), (TO_EC2,)),
        NeededRole("EMR service role", terms.emr_service_role, ("emr_service_role",), (TO_EMR,)),
        NeededRole("host's role", terms.reconcile_role, HOST_POLICIES),
    ]
    return [each for each in roles if each.arn]


def role_results(iam: Any, terms: AccessTerms, host: str, now: str) -> Iterator[CheckResult]:
    """The results for each role; ``now`` is the time as policies write it."""
    for role in needed_roles(terms, host):
        yield from settled(Topic(role.what, "role", _GUIDE), partial(_of, iam, role, terms, now))


def held_statements(iam: Any, role: str) -> list[Statement]:
    """All statements of the role's inline and attached policies."""
    documents = [
        answered(ask(iam, "get_role_policy", RoleName=role, PolicyName=name))["PolicyDocument"]
        for name in ask_all(iam, "list_role_policies", "PolicyNames", RoleName=role)
    ]
    documents += [_attached(iam, arn) for arn in attached_policies(iam, role)]
    return [each for document in documents for each in as_list(document["Statement"])]


def attached_policies(iam: Any, role: str) -> list[str]:
    """The ARNs of the managed policies that are attached to the role."""
    found = ask_all(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=role)
    return [str(each["PolicyArn"]) for each in found]


def find_role(iam: Any, name: str) -> Mapping[str, Any] | None:
    """The role as IAM describes it; None if there is none of that name."""
    answer = ask(iam, "get_role", _ABSENT, RoleName=name)
    return answer["Role"] if answer else None


def _attached(iam: Any, arn: str) -> Any:
    policy = answered(ask(iam, "get_policy", PolicyArn=arn))["Policy"]
    version = policy["DefaultVersionId"]
    answer = answered(ask(iam, "get_policy_version", PolicyArn=arn, VersionId=version))
    return answer["PolicyVersion"]["Document"]


def _of(iam: Any, role: NeededRole, terms: AccessTerms, now: str) -> Iterator[CheckResult]:
    topic = Topic(role.what, "role", _GUIDE)
    found = find_role(iam, role.name)
    if found is None:
        yield topic.failed(
            f"There is no role {displayable(role.name)}.", "Create it before policies name it."
        )
        return
    if found["Arn"] != role.arn:
        yield topic.failed(
            f"The role of that name is {displayable(found['Arn'])}, not {displayable(role.arn)}.",
            "Correct the variable that names the role: the account and the path belong to it.",
        )
        return
    yield topic.ok("it exists")
    trust = Topic(role.what, "trust policy", _GUIDE)
    yield settled_one(trust, lambda: _trusts(trust, role, found))
    policy = Topic(role.what, "policy", _GUIDE)
    yield from settled(policy, lambda: _may(iam, policy, role, terms, now))
    if boundary := found.get("PermissionsBoundary"):
        yield policy.unknown(
            f"The boundary {displayable(boundary['PermissionsBoundaryArn'])} may limit it.",
            "Compare the boundary with checkout-assets access show.",
        )


def _trusts(topic: Topic, role: NeededRole, found: Mapping[str, Any]) -> CheckResult:
    trusted = {_without_path(each) for each in _trusted(found["AssumeRolePolicyDocument"])}
    missing = [each for each in role.takers if not _names_of(each) & trusted]
    if not missing:
        return topic.ok("it trusts the principals that assume it")
    return topic.failed(
        f"It does not trust {', '.join(map(displayable, missing))}.",
        f"Add them to the trust policy of {displayable(role.name)}, with sts:AssumeRole.",
    )


def _without_path(arn: str) -> str:
    """A principal without its path, which is not part of a role session's ARN."""
    owner, slash, name = arn.partition("/")
    return f"{owner}{slash}{name.rpartition('/')[2]}"


def _names_of(taker: str) -> set[str]:
    """The names by which a trust policy may allow a principal: itself, or its whole account."""
    if not taker.startswith("arn:"):
        return {taker}
    _, partition, _, _, account, _ = taker.split(":", 5)
    return {_without_path(taker), "*", account, f"arn:{partition}:iam::{account}:root"}


def _trusted(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in as_list(document["Statement"]):
        actions = {str(each).lower() for each in as_list(statement.get("Action", []))}
        if statement.get("Effect") == "Allow" and actions & {"sts:assumerole", "sts:*", "*"}:
            principal = statement.get("Principal", {})
            named = principal.values() if isinstance(principal, Mapping) else [principal]
            yield from (str(each) for value in named for each in as_list(value))


def _may(
    iam: Any, topic: Topic, role: NeededRole, terms: AccessTerms, now: str
) -> Iterator[CheckResult]:
    needed = [each for name in role.policies for each in ROLE_POLICIES[name](terms)]
    held = held_statements(iam, role.name)
    limits = denied_by(held, needed, Circumstances(role.arn, now), own=True)
    missing = list(dict.fromkeys([*lacking(needed, held, now), *limits.taken]))
    if missing:
        yield topic.failed(
            f"It lacks {_shown(missing)}.",
            f"Attach {' and '.join(role.policies)} of checkout-assets access show to the role, and "
            "no statement that denies a part of it.",
        )
    elif limits.unsure:
        yield topic.unknown(
            f"a statement with conditions may deny {_shown(limits.unsure)}",
            "Compare the conditions of its Deny statements with the requests of the role.",
        )
    else:
        yield topic.ok("it allows all that is needed")


def _shown(permissions: Sequence[Permission]) -> str:
    return shown_permissions([*map(permission_text, permissions)])


def permission_text(permission: Permission) -> str:
    """Return an action and the resource on which it is needed, as they are shown."""
    action, where = permission
    return f"{action} on {displayable(where)}"


def shown_permissions(texts: Sequence[str]) -> str:
    """Join the texts of the first permissions, and say how many others there are."""
    shown = list(texts[:_MOST_SHOWN])
    if left := len(texts) - len(shown):
        shown.append(f"and {counted(left, 'other permission')}")
    return "; ".join(shown)
