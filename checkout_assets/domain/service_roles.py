"""The service-linked roles that launches need in the account, and AWS's errors if one is missing.

AWS creates such a role with the first launch if the caller may do so; our host may not.
"""

import re
from dataclasses import dataclass

from checkout_assets.domain.access.role_statements import TO_EMR


@dataclass(frozen=True, slots=True)
class ServiceLinkedRole:
    """A role that ``service`` needs in each account; ``told`` matches AWS's errors without it."""

    name: str
    service: str
    told: re.Pattern[str]

    @property
    def remedy(self) -> str:
        """The command that creates it, once per account."""
        return f"aws iam create-service-linked-role --aws-service-name {self.service}"

    @property
    def lack(self) -> str:
        """A clause that says what is missing and what to do."""
        return f"the account has no service-linked role {self.name}: run {self.remedy}"


def _denial(service: str) -> str:
    """A pattern of IAM's denial; its role is ``role/aws-service-role/<service>/<name>``."""
    return rf"iam:CreateServiceLinkedRole\b.{{0,200}}/{re.escape(service)}/"


_TO_SPOT = "spot.amazonaws.com"

EMR_CLEAN_UP = ServiceLinkedRole(
    "AWSServiceRoleForEMRCleanup",
    TO_EMR,
    # EMR's StateChangeReason.Message, as quoted in an issue of awslabs/aws-emr-launch.
    re.compile(rf"AWSServiceRoleForEMRCleanup\b.{{0,40}}\bis required|{_denial(TO_EMR)}"),
)
SPOT = ServiceLinkedRole(
    "AWSServiceRoleForEC2Spot",
    _TO_SPOT,
    # The code and the message of RunInstances; EMR passes EC2's message on.
    re.compile(
        r"ServiceLinkedRoleCreationNotPermitted|create the service-linked role for EC2 Spot "
        rf"Instances|{_denial(_TO_SPOT)}"
    ),
)
SERVICE_LINKED_ROLES = (EMR_CLEAN_UP, SPOT)


def missing_service_role(text: str) -> ServiceLinkedRole | None:
    """The role that is missing according to the code and message of a failed launch, if any."""
    return next((role for role in SERVICE_LINKED_ROLES if role.told.search(text)), None)
