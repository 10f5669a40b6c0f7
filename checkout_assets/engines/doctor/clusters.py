"""EMR: whether the release exists in the region, or whether the configured cluster can be used."""

from collections.abc import Iterator, Mapping
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.asking import answered, ask
from checkout_assets.engines.doctor.settling import settled_one
from checkout_assets.engines.emr.api import ALIVE
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG

_GUIDE = "docs/deploy/emr.md#before-the-first-cluster"
_RELEASE = Topic("EMR", "release", _GUIDE)
_UNKNOWN_CLUSTER = ("InvalidRequestException",)
_OTHER_CLUSTER = "Set CHECKOUT_EMR_CLUSTER_ID to a running cluster, or unset it."


def release_results(emr: Any, release: str) -> Iterator[CheckResult]:
    """Whether EMR offers that release."""
    yield settled_one(_RELEASE, lambda: _release(emr, release))


def cluster_results(emr: Any, cluster: str, deployment: str) -> Iterator[CheckResult]:
    """Whether a cluster that no run launches is running and belongs to the deployment."""
    topic = Topic("EMR", f"cluster {cluster}", _GUIDE)
    yield settled_one(topic, lambda: _cluster(topic, emr, cluster, deployment))


def _cluster(topic: Topic, emr: Any, cluster: str, deployment: str) -> CheckResult:
    answer = ask(emr, "describe_cluster", _UNKNOWN_CLUSTER, ClusterId=cluster)
    if answer is None:
        return topic.failed(f"{emr.meta.region_name} has no such cluster.", _OTHER_CLUSTER)
    found: Mapping[str, Any] = answer["Cluster"]
    state = str(found["Status"]["State"])
    if state not in ALIVE:
        return topic.failed(f"The cluster is {displayable(state)}.", _OTHER_CLUSTER)
    tags = {each["Key"]: each["Value"] for each in found.get("Tags", [])}
    if tags.get(DEPLOYMENT_TAG) != deployment:
        return topic.failed(
            f"It lacks the tag {DEPLOYMENT_TAG}={deployment}: the host may not use it.",
            f"Add the tag: aws emr add-tags --resource-id {cluster} --tags "
            f"{DEPLOYMENT_TAG}={deployment}.",
        )
    return topic.ok("it is used, and nothing that a launch needs is checked")


def _release(emr: Any, release: str) -> CheckResult:
    answer = answered(ask(emr, "list_release_labels", Filters={"Prefix": release}))
    if release in answer["ReleaseLabels"]:
        return _RELEASE.ok(f"{release} exists")
    others = answered(ask(emr, "list_release_labels", Filters={"Prefix": "emr-7"}))
    newest = displayable(next(iter(others["ReleaseLabels"]), "none of EMR 7"))
    return _RELEASE.failed(
        f"{emr.meta.region_name} has no release {release}; the first that EMR lists is {newest}.",
        "Set CHECKOUT_EMR_RELEASE to a release of aws emr list-release-labels.",
    )
