"""Amazon's own buckets that machines need, which the policies of S3's endpoints must allow too.

EMR Management Guide, "Sample policies for private subnets that access Amazon S3", for EMR 7; Amazon
Linux 2023 User Guide for its repository, from which copying instances install Python.
"""

from collections.abc import Sequence

from checkout_assets.domain.access.statements import Statement
from checkout_assets.engines.doctor.limits import RoleNeed

_WHAT = "Amazon's own bucket"
_FIRST_REGION = "us-east-1"


def linux_need(region: str, needs: Sequence[RoleNeed]) -> list[RoleNeed]:
    """What machines with one of these roles need to install packages of Amazon Linux 2023."""
    return _need(needs, [("s3:GetObject", [_linux(region)])])


def node_need(region: str, needs: Sequence[RoleNeed]) -> list[RoleNeed]:
    """What EMR's nodes with one of these roles need to start and to send logs."""
    logs = "aws157-logs-prod" + ("" if region == _FIRST_REGION else f"-{region}")
    return _need(
        needs,
        [
            ("s3:GetObject", [_linux(region), f"repo.{region}.emr.amazonaws.com"]),
            ("s3:PutObject", [logs]),
        ],
    )


def _linux(region: str) -> str:
    return f"al2023-repos-{region}-de612dc2"


def _need(
    needs: Sequence[RoleNeed], permissions: Sequence[tuple[str, Sequence[str]]]
) -> list[RoleNeed]:
    """The permissions on buckets' objects; nothing if no role is known."""
    if not needs:
        return []
    given = needs[0].given
    partition = given.role_arn.split(":")[1]
    statements: list[Statement] = [
        {"Action": [action], "Resource": [f"arn:{partition}:s3:::{name}/*" for name in names]}
        for action, names in permissions
    ]
    return [RoleNeed(_WHAT, statements, given)]
