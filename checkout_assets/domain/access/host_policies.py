"""What the Dagster host's own role must allow, in addition to the policy for reconciling.

The host keeps the reports of reconciliations, launches instances and clusters, passes them their
roles, monitors and ends them, reads their files in S3, and sends alerts. Copies are made by the
copy role; the host assumes it for its own copies.
"""

from typing import Any

from checkout_assets.domain.access.role_statements import (
    CUT_OFF,
    RESULTS,
    TO_EC2,
    TO_EMR,
    allow,
    assume_copy_role,
    list_place,
    pass_role,
    use_fleet_key,
    use_key,
)
from checkout_assets.domain.access.statements import Statement
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.domain.canary import CANARIES, RUNS_OF_CANARIES
from spark_jobs.contract.keys import REPORTS

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


def host_role(terms: AccessTerms) -> list[Statement]:
    """Build the host's statements; what is not configured is left out."""
    return [
        assume_copy_role(terms),
        allow("KeepCutOff", ["s3:PutObject"], terms.arns(terms.raw, CUT_OFF)),
        *use_key("EncryptCutOff", terms.raw_key, "kms:GenerateDataKey"),
        *_keep_reports(terms),
        *_keep_run_logs(terms),
        *_deliver(terms),
        *(_instances(terms) if _launches_instances(terms) else ()),
        *(_clusters(terms) if _launches_clusters(terms) else ()),
        *_compare_quotas(terms),
        *_follow_canary(terms),
        *_use_fleet_key(terms),
        *([allow("SendAlerts", ["sns:Publish"], list(terms.topics))] if terms.topics else ()),
    ]


def _keep_reports(terms: AccessTerms) -> list[Statement]:
    if terms.lake is None:
        return []
    actions = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    return [
        allow("KeepReports", actions, terms.arns(terms.lake, f"{REPORTS}*")),
        *use_key("EncryptReports", terms.lake_key, "kms:GenerateDataKey"),
    ]


def _keep_run_logs(terms: AccessTerms) -> list[Statement]:
    if terms.run_logs is None:
        return []
    return _read_and_write(terms, "RunLogs", terms.run_logs, "s3:GetObject", "s3:PutObject")


def _launches_instances(terms: AccessTerms) -> bool:
    return bool(terms.worker_role and terms.reports)


def _launches_clusters(terms: AccessTerms) -> bool:
    return bool(terms.emr_service_role and terms.structure_role)


def _use_fleet_key(terms: AccessTerms) -> list[Statement]:
    reports = terms.reports if _launches_instances(terms) else None
    logs = terms.logs if _launches_clusters(terms) else None
    both = (*terms.packages, reports)
    return use_fleet_key(terms, reads=(*both, logs), writes=both)


def _deliver(terms: AccessTerms) -> list[Statement]:
    names = ("Package", "ClusterPackage")
    actions = ["s3:GetObject", "s3:PutObject"]
    return [
        statement
        for name, place in zip(names, terms.packages, strict=False)
        for statement in (
            allow(f"Deliver{name}", actions, terms.arns(place, "*")),
            list_place(terms, f"List{name}", place),
        )
    ]


def _instances(terms: AccessTerms) -> list[Statement]:
    assert terms.reports is not None
    return [
        *_read_and_write(terms, "Reports", terms.reports, "s3:GetObject", "s3:PutObject"),
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
    if not (_launches_instances(terms) or _launches_clusters(terms)):
        return []
    actions = ["ec2:DescribeInstanceTypes", "servicequotas:GetServiceQuota"]
    return [allow("CompareQuotas", actions, ["*"])]


def launches_canary(terms: AccessTerms) -> bool:
    """Whether doctor's canary can be launched: it needs both fleets and a lake in S3."""
    return _launches_instances(terms) and _launches_clusters(terms) and terms.lake is not None


def _follow_canary(terms: AccessTerms) -> list[Statement]:
    """Allow to read what a canary's machines wrote, and to remove everything of it."""
    if not launches_canary(terms):
        return []
    assert terms.lake is not None
    assert terms.reports is not None
    places = [
        each for place in (terms.raw, terms.lake) for each in terms.arns(place, f"{CANARIES}*")
    ]
    reports = terms.arns(terms.reports, f"{RUNS_OF_CANARIES}*")
    # One statement for both actions: all statements together must fit into a managed policy.
    return [allow("FollowCanary", ["s3:DeleteObject", "s3:GetObject"], [*places, *reports])]


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
        *_results(terms),
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


def _results(terms: AccessTerms) -> list[Statement]:
    statements = []
    if terms.lake is not None:
        statements.append(allow("ReadResults", ["s3:GetObject"], terms.arns(terms.lake, RESULTS)))
    if terms.logs is not None:
        statements += _read_and_write(terms, "Logs", terms.logs, "s3:GetObject")
    return statements


def _read_and_write(terms: AccessTerms, name: str, place: Place, *actions: str) -> list[Statement]:
    return [allow(name, actions, terms.arns(place, "*")), list_place(terms, f"List{name}", place)]


def _if(statement: Statement, **condition: Any) -> Statement:
    return {**statement, "Condition": condition}


def _ec2_arns(terms: AccessTerms, kinds: tuple[str, ...]) -> list[str]:
    return [_aws_arn(terms, "ec2", terms.account, f"{kind}/*") for kind in kinds]


def _aws_arn(terms: AccessTerms, service: str, account: str, resource: str) -> str:
    return f"arn:{terms.partition}:{service}:*:{account}:{resource}"
