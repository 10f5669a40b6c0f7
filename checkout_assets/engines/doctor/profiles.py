"""Instance profiles and the roles that AWS's own services need in the account."""

from collections.abc import Iterator
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.domain.service_roles import EMR_CLEAN_UP, SPOT
from checkout_assets.engines.doctor.asking import ask
from checkout_assets.engines.doctor.roles import find_role
from checkout_assets.engines.doctor.settling import settled_one

_SERVICE_ROLES = {"EMR clean-up": EMR_CLEAN_UP, "Spot": SPOT}
"""Service-linked roles by purpose."""


def profile_results(
    iam: Any, subject: str, named: str, role_arn: str, same_name: bool
) -> Iterator[CheckResult]:
    """Whether the profile has that role; with ``same_name``, also whether the names are equal."""
    topic = Topic(subject, "instance profile", f"docs/deploy/{subject.lower()}.md")
    yield settled_one(topic, lambda: _profile(iam, topic, named, role_arn, same_name))


def service_role_results(iam: Any, subject: str, purpose: str) -> Iterator[CheckResult]:
    """Whether the account has the service-linked role, which the host may not create."""
    topic = Topic(
        subject, f"service-linked role for {purpose}", f"docs/deploy/{subject.lower()}.md"
    )
    yield settled_one(topic, lambda: _service_role(iam, topic, purpose))


def _profile(iam: Any, topic: Topic, named: str, role_arn: str, same_name: bool) -> CheckResult:
    name = named.rpartition("/")[2]
    answer = ask(iam, "get_instance_profile", ("NoSuchEntity",), InstanceProfileName=name)
    roles = answer["InstanceProfile"]["Roles"] if answer else []
    if not roles:
        lacks = "has no role" if answer else "does not exist"
        return topic.failed(
            f"The instance profile {displayable(name)} {lacks}.",
            "Create the instance profile and add the role to it.",
        )
    role = roles[0]
    if role_arn and role["Arn"] != role_arn:
        return topic.failed(
            f"It gives the role {displayable(role['Arn'])}, not {displayable(role_arn)}.",
            "Add the role that the settings name to the profile, or correct the setting.",
        )
    if same_name and role["RoleName"] != name:
        return topic.failed(
            f"The profile {displayable(name)} and its role {displayable(role['RoleName'])} have "
            "different names.",
            "Create a profile with the name of the role: EMR passes the role by that name.",
        )
    return topic.ok(f"it gives the role {displayable(role['RoleName'])}")


def _service_role(iam: Any, topic: Topic, purpose: str) -> CheckResult:
    role = _SERVICE_ROLES[purpose]
    if find_role(iam, role.name):
        return topic.ok("it exists")
    return topic.failed(
        f"The account has no {role.name}, and the host may not create it.", f"Run {role.remedy}."
    )
