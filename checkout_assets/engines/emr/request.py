"""The requests sent to EMR, as pure functions of options, job and folders."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.sizing import size_for
from checkout_assets.engines.emr.options import EmrOptions, JobPackage
from checkout_assets.engines.fleet.tags import GROUP_TAG, run_tags
from checkout_assets.engines.fleet.variables import on_instance

LONGEST_STEP = 10_240
"""EMR's quota of characters for all arguments of a step."""
MANAGED_POLICIES_TAG = "for-use-with-amazon-emr-managed-policies"
"""A service role with AmazonEMRServicePolicy_v2 may create resources only with this tag."""

_SPOT_TIMEOUT_MINUTES = 20
_ATTEMPT = "_attempt"
_LONGEST_RUN_ID, _MOST_ATTEMPTS = "0" * 36, 99
"""Dagster's run ids have 36 characters; no run makes that many attempts of a unit."""
_STEP_NAME = re.compile(r"(\S+) attempt ([0-9]{1,9}) of (.+)")


def run_name(options: EmrOptions, run_id: str) -> str:
    """Return the name prefix by which a run's clusters are found: EMR cannot list by tag."""
    return f"{options.deployment} {run_id}"


def cluster_tags(options: EmrOptions, run_id: str, group: int) -> dict[str, str]:
    """Return the cluster's tags; ours take precedence, since they decide what is terminated."""
    return {**options.tags, **run_tags(options.deployment, run_id), GROUP_TAG: str(group)}


def _launch_tags(options: EmrOptions, run_id: str, group: int) -> dict[str, str]:
    """Return a new cluster's tags; an older version's cluster lacks the last one."""
    return {**cluster_tags(options, run_id, group), MANAGED_POLICIES_TAG: "true"}


def launch_request(
    options: EmrOptions,
    run_id: str,
    steps: Sequence[Mapping[str, Any]],
    subnet: int = 0,
    group: int = 1,
) -> dict[str, Any]:
    """Build the RunJobFlow request for the cluster of one group, with its first steps.

    ``subnet`` is incremented after each launch that found no capacity. Tags are part of the
    request, so a cluster can be identified even if its launcher died at once.
    """
    return {
        "Name": f"{run_name(options, run_id)} group {group}",
        "LogUri": options.log_uri,
        "ReleaseLabel": options.release,
        "Applications": [{"Name": "Hadoop"}, {"Name": "Spark"}],
        "Instances": {
            **_instances(options, subnet),
            # Failed steps are added again, so the cluster must not end after its first steps.
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": False,
        },
        "Steps": list(steps),
        "JobFlowRole": options.instance_profile,
        "ServiceRole": options.service_role,
        "StepConcurrencyLevel": options.step_concurrency,
        # As a last resort, ends a cluster that no run monitors any more.
        "AutoTerminationPolicy": {"IdleTimeout": options.idle_minutes * 60},
        "Tags": [
            {"Key": key, "Value": value}
            for key, value in _launch_tags(options, run_id, group).items()
        ],
        "VisibleToAllUsers": True,
        **_left_out_if_empty(options),
    }


def _left_out_if_empty(options: EmrOptions) -> dict[str, Any]:
    """Return the optional members of the request, which EMR refuses without a value."""
    members: dict[str, Any] = {
        "LogEncryptionKmsKeyId": options.log_kms_key,
        "SecurityConfiguration": options.security_configuration,
        "Configurations": [dict(each) for each in options.configurations],
        "BootstrapActions": [
            {"Name": uri.rpartition("/")[2], "ScriptBootstrapAction": {"Path": uri}}
            for uri in options.bootstrap_scripts
        ],
    }
    return {name: value for name, value in members.items() if value}


def step_name(unit: str, attempt: int, run_id: str) -> str:
    """Return a step's name, from which a re-attaching run parses unit and attempt."""
    return f"{unit} attempt {attempt} of {run_id}"


def parse_step_name(name: str, run_id: str) -> tuple[str, int] | None:
    """Return the unit's name and the attempt; None for a step of another run."""
    match = _STEP_NAME.fullmatch(name)
    return (match[1], int(match[2])) if match and match[3] == run_id else None


def attempt_run_id(run_id: str, attempt: int) -> str:
    """Return the run id in the names of an attempt's files.

    An attempt whose step was lost may still be running, so attempts do not share staging. The
    conditional write of the publication record then decides between them as between two runs.
    """
    return run_id if attempt == 1 else f"{run_id}{_ATTEMPT}{attempt}"


def attempt_of(found: str, run_id: str) -> int | None:
    """Return the attempt of that run that has this id; None if it is another run's."""
    name, _, number = found.rpartition(_ATTEMPT)
    if name == run_id and number.isascii() and number.isdecimal():
        return int(number)
    return 1 if found == run_id else None


def refuse_attempt_id(run_id: str) -> None:
    """Raise UsageError for a run id that could be an attempt's: two runs would share their files.

    For example ``nightly_attempt2`` is the id of the second attempt of ``nightly``.
    """
    name, _, _ = run_id.rpartition(_ATTEMPT)
    if name and attempt_of(run_id, name) is not None:
        raise UsageError(
            f'The run id "{displayable(run_id)}" is reserved for an attempt of the run '
            f'"{displayable(name)}": use one that does not end in {_ATTEMPT} and a number.'
        )


class StepJob(Protocol):
    """What the steps of a run have in common; ``region`` is set in their containers."""

    @property
    def package(self) -> JobPackage:
        """The packaged script and libraries."""

    @property
    def region(self) -> str:
        """The region of the cluster and of all places."""

    def arguments(self, unit: str, run_id: str) -> list[str]:
        """Return the script's arguments for a unit; ``run_id`` is that of the attempt."""


def step_request(
    options: EmrOptions, job: StepJob, unit: str, run_id: str, attempt: int
) -> dict[str, Any]:
    """Build the step that does one unit; raises UsageError if it is too long for EMR."""
    arguments = [
        "spark-submit",
        *("--deploy-mode", "cluster" if options.cluster_mode else "client"),
        *_settings({**_sizing(options), **_variables(job.region), **options.spark_config}),
        *job.package.spark_options,
        job.package.script_uri,
        *job.arguments(unit, attempt_run_id(run_id, attempt)),
    ]
    if sum(map(len, arguments)) + len(arguments) > LONGEST_STEP:
        raise UsageError(
            f"A step's arguments exceed {LONGEST_STEP} characters: shorten spark_config or "
            "the URIs."
        )
    return {
        "Name": step_name(unit, attempt, run_id),
        # One unit's failure must not affect others; EMR requires this for concurrent steps.
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": arguments},
    }


def refuse_long_steps(options: EmrOptions, job: StepJob, units: Iterable[str]) -> None:
    """Raise UsageError if a step of these units could be too long for EMR, at any attempt."""
    step_request(options, job, max(units, key=len), _LONGEST_RUN_ID, _MOST_ATTEMPTS)


def _sizing(options: EmrOptions) -> dict[str, str]:
    sizing = size_for(options.shape, options.cluster_mode, options.step_concurrency)
    return sizing.spark_config()


def _variables(region: str) -> dict[str, str]:
    """Return the environment variables of driver and executors."""
    return {
        f"spark.{place}.{name}": value
        for place in ("yarn.appMasterEnv", "executorEnv")
        for name, value in on_instance(region).items()
    }


def _settings(config: Mapping[str, str]) -> Iterable[str]:
    for name, value in config.items():
        yield from ("--conf", f"{name}={value}")


def _instances(options: EmrOptions, subnet: int) -> dict[str, Any]:
    if options.core_fleet_types:
        subnets = {"Ec2SubnetIds": list(options.subnets)} if options.subnets else {}
        return {"InstanceFleets": _fleets(options), **subnets}
    groups = [
        _group("Primary", "MASTER", options.primary_type, 1),
        _group("Core", "CORE", options.core_type, options.core_nodes),
    ]
    if not options.subnets:
        return {"InstanceGroups": groups}
    return {
        "InstanceGroups": groups,
        "Ec2SubnetId": options.subnets[subnet % len(options.subnets)],
    }


def _group(name: str, role: str, instance_type: str, count: int) -> dict[str, Any]:
    return {
        "Name": name,
        "InstanceRole": role,
        "Market": "ON_DEMAND",
        "InstanceType": instance_type,
        "InstanceCount": count,
    }


def _fleets(options: EmrOptions) -> list[dict[str, Any]]:
    core: dict[str, Any] = {
        "Name": "Core",
        "InstanceFleetType": "CORE",
        "TargetOnDemandCapacity": options.core_nodes - options.core_spot_nodes,
        "TargetSpotCapacity": options.core_spot_nodes,
        "InstanceTypeConfigs": [
            {"InstanceType": name, "WeightedCapacity": 1} for name in options.core_fleet_types
        ],
    }
    if options.core_spot_nodes:
        core["LaunchSpecifications"] = {
            "SpotSpecification": {
                "TimeoutDurationMinutes": _SPOT_TIMEOUT_MINUTES,
                "TimeoutAction": "SWITCH_TO_ON_DEMAND",
                "AllocationStrategy": "price-capacity-optimized",
            }
        }
    primary = {
        "Name": "Primary",
        "InstanceFleetType": "MASTER",
        "TargetOnDemandCapacity": 1,
        "InstanceTypeConfigs": [{"InstanceType": options.primary_type, "WeightedCapacity": 1}],
    }
    return [primary, core]
