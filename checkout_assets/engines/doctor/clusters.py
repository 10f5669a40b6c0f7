"""EMR: whether the release exists in the region."""

from collections.abc import Iterator
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.asking import answered, ask
from checkout_assets.engines.doctor.settling import settled_one

_RELEASE = Topic("EMR", "release", "docs/deploy/emr.md#before-the-first-cluster")


def release_results(emr: Any, release: str) -> Iterator[CheckResult]:
    """Whether EMR offers that release."""
    yield settled_one(_RELEASE, lambda: _release(emr, release))


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
