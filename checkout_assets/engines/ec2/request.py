"""The request that launches an instance, as a pure function of options and work."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checkout_assets.engines.ec2.options import (
    OWNER_TAG,
    WORKER_TAG,
    Choice,
    Ec2Options,
)
from checkout_assets.engines.fleet.tags import GROUP_TAG, run_tags

_TAGGED = ("instance", "volume", "network-interface")
_SPOT_MARKET = {
    "MarketType": "spot",
    "SpotOptions": {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"},
}


@dataclass(frozen=True, slots=True)
class Image:
    """A machine image and the device of its system volume."""

    id: str
    root_device: str


@dataclass(frozen=True, slots=True)
class Launch:
    """One instance of a run: its identity, and the script that it runs when it boots.

    ``group`` is the number of the group of folders that it copies.
    """

    run_id: str
    worker: str
    user_data: str
    group: int = 1


def instance_tags(options: Ec2Options, launch: Launch) -> dict[str, str]:
    """Return an instance's tags; ours take precedence, since they decide what is terminated."""
    return {
        **options.tags,
        "Name": f"{options.deployment} {launch.worker}",
        **run_tags(options.deployment, launch.run_id),
        GROUP_TAG: str(launch.group),
        WORKER_TAG: launch.worker,
        OWNER_TAG: options.owner,
    }


def launch_request(
    options: Ec2Options, image: Image, launch: Launch, choice: Choice
) -> dict[str, Any]:
    """Build the RunInstances request of one instance; boto3 encodes the user data.

    Tags are part of the request, so an instance can be identified even if its launcher died at
    once.
    """
    request: dict[str, Any] = {
        "ClientToken": client_token(launch, choice),
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": image.id,
        "InstanceType": choice.instance_type,
        "IamInstanceProfile": _profile(options.instance_profile),
        "NetworkInterfaces": [_network_interface(options, choice.subnet)],
        "BlockDeviceMappings": [{"DeviceName": image.root_device, "Ebs": _volume(options)}],
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
        },
        # The user data's last command is a shutdown; the instance then terminates.
        "InstanceInitiatedShutdownBehavior": "terminate",
        "UserData": launch.user_data,
        "TagSpecifications": _tags(options, launch),
    }
    if options.spot:
        request["InstanceMarketOptions"] = _SPOT_MARKET
    if options.ssh_key:
        request["KeyName"] = options.ssh_key
    return request


def client_token(launch: Launch, choice: Choice) -> str:
    """Return the token that makes a repeated request return the instance of the first one.

    EC2 refuses a token with other parameters, so each choice has its own.
    """
    named = (launch.run_id, launch.worker, choice.instance_type, choice.subnet)
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def _profile(named: str) -> dict[str, str]:
    return {"Arn" if named.startswith("arn:") else "Name": named}


def _network_interface(options: Ec2Options, subnet: str) -> Mapping[str, Any]:
    return {
        "DeviceIndex": 0,
        "SubnetId": subnet,
        "Groups": [options.security_group],
        "AssociatePublicIpAddress": options.public_ip,
        "DeleteOnTermination": True,
    }


def _volume(options: Ec2Options) -> Mapping[str, Any]:
    volume: dict[str, Any] = {
        "VolumeSize": options.volume_gb,
        "VolumeType": "gp3",
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    return volume | ({"KmsKeyId": options.volume_kms_key} if options.volume_kms_key else {})


def _tags(options: Ec2Options, launch: Launch) -> list[dict[str, Any]]:
    named = instance_tags(options, launch).items()
    tags = [{"Key": key, "Value": value} for key, value in named]
    kinds = (*_TAGGED, "spot-instances-request") if options.spot else _TAGGED
    return [{"ResourceType": kind, "Tags": tags} for kind in kinds]
