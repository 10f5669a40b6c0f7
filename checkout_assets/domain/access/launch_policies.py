"""What the Dagster host's own role must allow to launch machines, to follow and to end them.

It is a policy of its own, because together with ``host_role`` it would exceed IAM's quota for one.
"""

from typing import Any

from checkout_assets.domain.access.host_policies import launches_clusters, launches_instances
from checkout_assets.domain.access.role_statements import TO_EC2, TO_EMR, allow, pass_role
from checkout_assets.domain.access.statements import Statement
from checkout_assets.domain.access.terms import AccessTerms

DEPLOYMENT_TAG = "checkout-assets:deployment"
"""The tag that identifies a deployment's instances and clusters, as the engines set it."""

_LAUNCHED = ("instance", "volume", "network-interface", "spot-instances-request")
_USED = ("subnet", "security-group", "key-pair")
_DESCRIBED = ("Images", "Instances", "SecurityGroups")
_IMAGE_PARAMETERS = "parameter/aws/service/ami-amazon-linux-latest/*"
_VOLUME_KEY = (
    *("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"),
    *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
)


def launch_role(terms: AccessTerms) -> list[Statement]:
    """Build the statements for what is configured: instances, clusters, both or none."""
    return [
        *(_instances(terms) if launches_instances(terms) else ()),
        *(_clusters(terms) if launches_clusters(terms) else ()),
        *_compare_quotas(terms),
    ]


def _instances(terms: AccessTerms) -> list[Statement]:
    return [
        allow("FindInstances", [f"ec2:Describe{what}" for what in _DESCRIBED], ["*"]),
        allow("FindImage", ["ssm:GetParameter"], [_aws_arn(terms, "ssm", "*", _IMAGE_PARAMETERS)]),
        _if(
            allow("LaunchTagged", ["ec2:RunInstances"], _ec2_arns(terms, _LAUNCHED)),
            StringEquals={f"aws:RequestTag/{DEPLOYMENT_TAG}": [terms.deployment]},
        ),
        allow(
            "LaunchIn",
            ["ec2:RunInstances"],
            [*_ec2_arns(terms, _USED), _aws_arn(terms, "ec2", "", "image/*")],
        ),
        _if(
            allow("TagWhatIsLaunched", ["ec2:CreateTags"], _ec2_arns(terms, _LAUNCHED)),
            StringEquals={"ec2:CreateAction": ["RunInstances"]},
        ),
        _if(
            allow("EndInstances", ["ec2:TerminateInstances"], _ec2_arns(terms, ("instance",))),
            StringEquals={f"aws:ResourceTag/{DEPLOYMENT_TAG}": [terms.deployment]},
        ),
        pass_role("PassWorkerRole", terms.worker_role, TO_EC2),
        *_use_volume_key(terms.volume_key),
    ]


def _compare_quotas(terms: AccessTerms) -> list[Statement]:
    """Allow reading how many vCPUs the launch needs and the account may have.

    Service Authorization Reference: neither action knows resources.
    """
    if not (launches_instances(terms) or launches_clusters(terms)):
        return []
    actions = ["ec2:DescribeInstanceTypes", "servicequotas:GetServiceQuota"]
    return [allow("CompareQuotas", actions, ["*"])]


def _use_volume_key(key: str) -> list[Statement]:
    """Allow launching instances whose volumes that key encrypts; EC2 asks KMS for the caller.

    EBS User Guide, "Requirements for Amazon EBS encryption", permissions of users.
    """
    if not key:
        return []
    through = {"kms:ViaService": ["ec2.*"]}
    return [
        _if(allow("UseVolumeKey", _VOLUME_KEY, [key]), StringLike=through),
        _if(
            allow("LendVolumeKey", ["kms:CreateGrant"], [key]),
            Bool={"kms:GrantIsForAWSResource": ["true"]},
        ),
    ]


def _clusters(terms: AccessTerms) -> list[Statement]:
    cluster = [_aws_arn(terms, "elasticmapreduce", terms.account, "cluster/*")]
    following = ("AddJobFlowSteps", "CancelSteps", "DescribeCluster", "ListSteps")
    ours = {f"aws:RequestTag/{DEPLOYMENT_TAG}": [terms.cluster_deployment]}
    return [
        allow("FindClusters", ["elasticmapreduce:ListClusters"], ["*"]),
        _if(allow("LaunchClusters", ["elasticmapreduce:RunJobFlow"], ["*"]), StringEquals=ours),
        _if(allow("TagClusters", ["elasticmapreduce:AddTags"], cluster), StringEquals=ours),
        # RunJobFlow needs it before a cluster exists, so a cluster's tag cannot be a condition.
        allow("LimitIdleClusters", ["elasticmapreduce:PutAutoTerminationPolicy"], cluster),
        _if(
            allow(
                "FollowClusters",
                [f"elasticmapreduce:{action}" for action in (*following, "TerminateJobFlows")],
                cluster,
            ),
            StringEquals={f"aws:ResourceTag/{DEPLOYMENT_TAG}": [terms.cluster_deployment]},
        ),
        pass_role("PassServiceRole", terms.emr_service_role, TO_EMR),
        pass_role("PassNodeRole", terms.structure_role, TO_EC2),
    ]


def _if(statement: Statement, **condition: Any) -> Statement:
    return {**statement, "Condition": condition}


def _ec2_arns(terms: AccessTerms, kinds: tuple[str, ...]) -> list[str]:
    return [_aws_arn(terms, "ec2", terms.account, f"{kind}/*") for kind in kinds]


def _aws_arn(terms: AccessTerms, service: str, account: str, resource: str) -> str:
    return f"arn:{terms.partition}:{service}:*:{account}:{resource}"
