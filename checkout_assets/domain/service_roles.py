"""The service-linked roles that launches need in the account, and what AWS says if one is missing.

AWS creates such a role with the first launch, if whoever launches may: the host may not.
"""

import re
from dataclasses import dataclass

from checkout_assets.domain.access.role_statements import TO_EMR


@dataclass(frozen=True, slots=True)
class ServiceLinkedRole:
    """A role that ``service`` takes in every account; ``told`` finds AWS's texts of its lack."""

    name: str
    service: str
    told: re.Pattern[str]

    @property
    def remedy(self) -> str:
        """The command that creates it, once per account."""
        return f"aws iam create-service-linked-role --aws-service-name {self.service}"

    @property
    def lack(self) -> str:
        """One clause for people: what is missing and what to do."""
        return f"the account has no service-linked role {self.name}: run {self.remedy}"


def _denial(service: str) -> str:
    """IAM's sentence, which ends in ``role/aws-service-role/<service>/<name>``."""
    return rf"iam:CreateServiceLinkedRole\b.{{0,200}}/{re.escape(service)}/"


_TO_SPOT = "spot.amazonaws.com"

EMR_CLEAN_UP = ServiceLinkedRole(
    "AWSServiceRoleForEMRCleanup",
    TO_EMR,
    # EMR's StateChangeReason.Message, as a bug report of awslabs/aws-emr-launch quotes it.
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
    """The role that the code and message of a failed launch say the account lacks."""
    return next((role for role in SERVICE_LINKED_ROLES if role.told.search(text)), None)
