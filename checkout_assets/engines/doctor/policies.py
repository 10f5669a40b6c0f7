"""The buckets' current policies, compared with the statements of a grant."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from checkout_assets.domain.access.policy_text import PolicyText
from checkout_assets.domain.access.standing import differing, granted_terms
from checkout_assets.domain.access.terms import AccessTerms
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.access.granting import wanted_statements
from checkout_assets.engines.access.options import AccessOptions
from checkout_assets.engines.doctor.account import AwsClients
from checkout_assets.engines.doctor.asking import ask
from checkout_assets.engines.doctor.limits import RoleNeed, bucket_denial_results
from checkout_assets.engines.doctor.settling import settled, settled_one

_GUIDE = "docs/deploy/access.md#what-the-buckets-get"
_GRANT = "Run checkout-assets access grant --requester NAME --days N, look, then add --yes."
_REQUESTER = "not granted yet"


def bucket_policy_results(
    options: AccessOptions, clients: AwsClients, needs: Sequence[RoleNeed]
) -> Iterator[CheckResult]:
    """Whether source, raw and lake have the statements of a grant, and deny nothing needed."""
    now = datetime.now(UTC)
    terms = options.terms(_REQUESTER, 1, now)
    for bucket in wanted_statements(terms):
        topic = Topic(f"bucket {bucket}", "policy", _GUIDE)
        yield from settled(topic, partial(_read, topic, bucket, terms, clients, needs))


def _read(
    topic: Topic, bucket: str, terms: AccessTerms, clients: AwsClients, needs: Sequence[RoleNeed]
) -> Iterator[CheckResult]:
    client = clients.of("s3", clients.region_of(bucket))
    answer = ask(client, "get_bucket_policy", ("NoSuchBucketPolicy",), Bucket=bucket)
    policy = PolicyText(str(answer["Policy"]) if answer else "")
    yield settled_one(topic, partial(_judged, topic, bucket, terms, policy))
    yield from bucket_denial_results(bucket, policy, needs)


def _judged(topic: Topic, bucket: str, terms: AccessTerms, policy: PolicyText) -> CheckResult:
    now = datetime.now(UTC)
    granted = granted_terms(policy, terms)
    if granted is None:
        return topic.failed("It holds no statement of a grant.", _GRANT)
    if granted.expires <= now:
        return topic.failed(f"The grant ended on {granted.expiry}.", _GRANT)
    wrong = differing(policy, wanted_statements(granted)[bucket])
    if wrong:
        return topic.failed(f"These statements differ or are missing: {', '.join(wrong)}.", _GRANT)
    return topic.ok("its statements are those of a grant")
