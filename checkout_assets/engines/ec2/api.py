"""EC2's responses as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checkout_assets.engines.aws_requests import AwsRequestError, diagnosed
from checkout_assets.engines.aws_setup import configuring, region_for
from checkout_assets.engines.ec2.options import WORKER_TAG
from checkout_assets.engines.ec2.request import Image
from checkout_assets.engines.fleet.quota_requests import QuotaRequests
from checkout_assets.engines.fleet.vcpu_quotas import QuotaAsk
from checkout_assets.engines.locations import principal

_IMAGES = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"
_ALIVE = ("pending", "running")
_NOT_GONE = (*_ALIVE, "shutting-down", "stopping", "stopped")
_UNKNOWN = "InvalidInstanceID.NotFound"
_THERE_ALREADY = "InvalidPermission.Duplicate"
SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """An instance: its state, and if it is ending, why."""

    id: str
    state: str
    code: str = ""
    message: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether it is starting or running."""
        return self.state in _ALIVE


class Ec2Api:
    """The few requests that a run makes.

    ``client`` retries transient errors; ``once`` never does. A lack of capacity is reported as a
    server error, and is handled by asking for another type or subnet. ``quotas`` asks for the
    account's vCPU quotas.
    """

    def __init__(self, client: Any, once: Any, ssm: Any, quotas: QuotaAsk) -> None:
        self._client = client
        self._once = once
        self._ssm = ssm
        self.quotas = quotas

    @property
    def region(self) -> str:
        """The region of the instances."""
        return str(self._client.meta.region_name)

    def newest_image(self, architecture: str) -> str:
        """Return the id of the newest Amazon Linux 2023, from AWS's public parameter."""
        with diagnosed():
            told = self._ssm.get_parameter(Name=_IMAGES + architecture)
        return str(told["Parameter"]["Value"])

    def image(self, ami: str) -> Image:
        """Return the image, with the name of its system volume's device."""
        with diagnosed():
            found = self._client.describe_images(ImageIds=[ami])["Images"]
        return Image(ami, (found[0].get("RootDeviceName") if found else "") or "/dev/xvda")

    def launch(self, request: Mapping[str, Any]) -> str:
        """Launch an instance and return its id."""
        with diagnosed():
            return str(self._once.run_instances(**request)["Instances"][0]["InstanceId"])

    def find(self, tags: Mapping[str, str]) -> list[InstanceStatus]:
        """Return the workers with those tags, unless they are gone.

        The nodes of an EMR cluster carry its tags, including those of a deployment and a run. A tag
        that only workers have excludes them.
        """
        filters: Any = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
        filters.append({"Name": "tag-key", "Values": [WORKER_TAG]})
        filters.append({"Name": "instance-state-name", "Values": list(_NOT_GONE)})
        with diagnosed():
            pages = self._client.get_paginator("describe_instances").paginate(Filters=filters)
            found = [_status(told) for page in pages for told in _instances(page)]
        # In a filter's value * and ? are wildcards, and a name may contain them.
        return [each for each in found if tags.items() <= each.tags.items()]

    def describe(self, instance: str) -> InstanceStatus | None:
        """Return the instance's status; None if EC2 does not know it yet, or no longer."""
        try:
            with diagnosed():
                told = _instances(self._client.describe_instances(InstanceIds=[instance]))
        except AwsRequestError as error:
            if error.code == _UNKNOWN:
                return None
            raise
        return _status(told[0]) if told else None

    def terminate(self, instance: str) -> None:
        """Start to terminate the instance; one that has ended does not change."""
        try:
            with diagnosed():
                self._client.terminate_instances(InstanceIds=[instance])
        except AwsRequestError as error:
            if error.code != _UNKNOWN:
                raise

    def inbound_rules(self, group: str) -> int:
        """Return how many rules allow inbound traffic."""
        with diagnosed():
            (found,) = self._client.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return len(found.get("IpPermissions") or ())

    def allow_ssh(self, group: str, cidr: str) -> None:
        """Open port 22 for these addresses; it stays open until somebody closes it."""
        try:
            with diagnosed():
                self._client.authorize_security_group_ingress(
                    GroupId=group,
                    IpPermissions=[
                        {
                            "IpProtocol": "tcp",
                            "FromPort": SSH_PORT,
                            "ToPort": SSH_PORT,
                            "IpRanges": [{"CidrIp": cidr, "Description": "SSH"}],
                        }
                    ],
                )
        except AwsRequestError as error:
            if error.code != _THERE_ALREADY:
                raise


def ec2_clients(region: str = "", endpoint_url: str = "") -> Ec2Api:
    """Create clients of the environment's account; the retrying ones adapt to AWS's throttling."""
    from botocore.config import Config

    session = principal()
    chosen = region_for(session, region, "CHECKOUT_EC2_REGION")

    def client(service: str, retries: Any) -> Any:
        return session.client(
            service,
            region_name=chosen,
            endpoint_url=endpoint_url or None,
            config=Config(retries=retries, user_agent_extra="checkout-assets"),
        )

    patient = {"mode": "adaptive", "total_max_attempts": 8}
    once = {"mode": "standard", "total_max_attempts": 1}
    with configuring(session):
        return Ec2Api(
            client("ec2", patient),
            client("ec2", once),
            client("ssm", patient),
            QuotaRequests(chosen, endpoint_url),
        )


def console_link(region: str, instance: str) -> str:
    """Return the URL of the instance's page; "Connect" there opens a Session Manager session."""
    place = f"https://{region}.console.aws.amazon.com/ec2/home?region={region}"
    return f"{place}#InstanceDetails:instanceId={instance}"


def _instances(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for reservation in page["Reservations"] for each in reservation["Instances"]]


def _status(told: Mapping[str, Any]) -> InstanceStatus:
    reason = told.get("StateReason") or {}
    return InstanceStatus(
        told["InstanceId"],
        told["State"]["Name"],
        reason.get("Code") or "",
        reason.get("Message") or "",
        {tag["Key"]: tag.get("Value") or "" for tag in told.get("Tags") or ()},
    )
