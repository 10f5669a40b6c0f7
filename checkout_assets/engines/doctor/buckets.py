"""The configuration of the places' buckets: region, versioning, ownership, encryption."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.account import AwsClients
from checkout_assets.engines.doctor.asking import answered, ask
from checkout_assets.engines.doctor.settling import settled_one
from checkout_assets.engines.locations import Location, S3Location
from checkout_assets.settings import ENVIRONMENT_PREFIX, Settings

_ACCESS = "docs/deploy/access.md"
_KEYS = {"source": "source_kms_key", "raw": "kms_key", "lake": "lake_kms_key"}
_AWS_MANAGED = "alias/aws/s3"
_ENFORCED = "BucketOwnerEnforced"
_SSE_KMS = ("aws:kms", "aws:kms:dsse")


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket with the name of its place and a client for its region."""

    name: str
    bucket: str
    client: Any
    settings: Settings

    def ask(self, request: str, *absent: str) -> Mapping[str, Any] | None:
        return ask(self.client, request, absent, Bucket=self.bucket)


def bucket_results(
    places: Mapping[str, Location], clients: AwsClients, settings: Settings
) -> Iterator[CheckResult]:
    """The configuration of each bucket on Amazon S3; other servers are not checked."""
    for name, place in places.items():
        if isinstance(place, S3Location):
            regional = clients.of("s3", clients.region_of(place.bucket))
            yield from _of(_Bucket(name, place.bucket, regional, settings))


def region_results(
    places: Mapping[str, Location], clients: AwsClients, settings: Settings
) -> Iterator[CheckResult]:
    """Whether raw and lake are in the regions of instances and clusters."""
    for name, place in places.items():
        if isinstance(place, S3Location):
            topic = Topic(name, "region", "docs/deploy/ec2.md")
            region = clients.region_of(place.bucket)
            yield _judged_region(topic, region, _wanted_regions(name, clients, settings))


def _wanted_regions(name: str, clients: AwsClients, settings: Settings) -> dict[str, str]:
    """The regions in which the place is used, by option."""
    wanted = {}
    if name == "raw" and settings.copy_engine == "ec2":
        wanted["CHECKOUT_EC2_REGION"] = str(settings.ec2.get("region") or clients.region)
    if name != "source" and settings.structure_engine == "emr":
        wanted["CHECKOUT_EMR_REGION"] = str(settings.emr.get("region") or clients.region)
    return wanted


def _judged_region(topic: Topic, region: str, wanted: Mapping[str, str]) -> CheckResult:
    if not region:
        return topic.unknown("S3 does not say in which region it is", "Check the bucket's name.")
    for option, where in wanted.items():
        if where != region:
            return topic.failed(
                f"The bucket is in {region}, but machines are launched in {where}.",
                f"Set {option} to {region}.",
            )
    return topic.ok(region)


def _of(bucket: _Bucket) -> Iterator[CheckResult]:
    for what, check in _CHECKS.items():
        topic = Topic(bucket.name, what, f"{_ACCESS}#kms" if what == "encryption" else _ACCESS)
        yield settled_one(topic, partial(check, topic, bucket))


def _versioning(topic: Topic, bucket: _Bucket) -> CheckResult:
    status = answered(bucket.ask("get_bucket_versioning")).get("Status")
    if status == "Enabled":
        return topic.ok("enabled: earlier versions stay, and cost, until a lifecycle rule ends")
    return topic.ok("not enabled: what is overwritten or deleted cannot be restored")


def _ownership(topic: Topic, bucket: _Bucket) -> CheckResult:
    answer = bucket.ask("get_bucket_ownership_controls", "OwnershipControlsNotFoundError")
    rules = (answer or {}).get("OwnershipControls", {}).get("Rules", [])
    found = next((str(rule["ObjectOwnership"]) for rule in rules), "ObjectWriter")
    if found == _ENFORCED:
        return topic.ok(found)
    if bucket.name == "source":
        return topic.unknown(
            f"It is {displayable(found)}: the bucket's policy does not open objects that other "
            "accounts own, and a listing does not show who does.",
            f"Ask the source's owner whether the bucket can be {_ENFORCED}.",
        )
    return topic.failed(
        f"It is {displayable(found)}, so objects may belong to another account than the bucket.",
        f"Set Object Ownership of the bucket {bucket.bucket} to {_ENFORCED}.",
    )


def _encryption(topic: Topic, bucket: _Bucket) -> CheckResult:
    answer = bucket.ask("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")
    rules = (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    if default.get("SSEAlgorithm", "AES256") not in _SSE_KMS:
        return topic.ok("SSE-S3")
    return _with_key(topic, bucket, str(default.get("KMSMasterKeyID", "")))


def _with_key(topic: Topic, bucket: _Bucket, key: str) -> CheckResult:
    if not key or key.endswith(_AWS_MANAGED):
        if bucket.name == "source":
            return topic.failed(
                "The bucket's key is aws/s3, which no other account can use.",
                "Ask the source's owner to encrypt with SSE-S3 or a key of their own.",
            )
        return topic.ok("SSE-KMS with the key aws/s3")
    option = _KEYS[bucket.name]
    named = str(getattr(bucket.settings, option))
    if named and named.rpartition("/")[2] == key.rpartition("/")[2]:
        return topic.ok("SSE-KMS with the key that the policies name")
    return topic.failed(
        "The bucket encrypts with a KMS key that the policies do not name.",
        f"Set {ENVIRONMENT_PREFIX}{option.upper()} to the ARN of {displayable(key)}, then attach "
        "the policies of checkout-assets access show again.",
    )


_CHECKS = {"versioning": _versioning, "ownership": _ownership, "encryption": _encryption}
