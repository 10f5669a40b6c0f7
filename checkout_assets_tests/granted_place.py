"""Buckets with their own policies, and a source whose policy allows or denies access."""

import json
from datetime import UTC, datetime
from typing import Any

from checkout_assets.domain.access.grants import GrantRecord
from checkout_assets.domain.access.policy_text import PolicyText
from checkout_assets.engines.access.grant_record import find_grant
from checkout_assets.engines.access.options import AccessOptions
from checkout_assets.engines.locations import S3Location
from checkout_assets_tests.fault_proxy import Answer, Request, Rule
from checkout_assets_tests.orders_place import OrdersPlace

COPY_ROLE = "arn:aws:iam::222222222222:role/copy"
GRANT_ROLE = "arn:aws:iam::111111111111:role/grant"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
THEIRS = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::333333333333:role/reports"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::a-bucket/reports/*",
}


class GrantedPlace:
    """The buckets of an OrdersPlace, and another one for the lake."""

    def __init__(self, place: OrdersPlace) -> None:
        self.place = place
        self.client: Any = place.client
        self.source, self.raw = place.source, place.raw
        self.lake = S3Location(place.raw.bucket.replace("raw", "lake"), "lake/")
        where = {"LocationConstraint": "us-east-2"}
        self.client.create_bucket(Bucket=self.lake.bucket, CreateBucketConfiguration=where)

    def options(self, **more: Any) -> AccessOptions:
        given = {"copy_role_arn": COPY_ROLE, **more}
        return AccessOptions(self.source, self.raw, self.lake, **given)

    def policy(self, bucket: str = "") -> PolicyText:
        """The current policy of the bucket, by default the source's."""
        try:
            answer = self.client.get_bucket_policy(Bucket=bucket or self.source.bucket)
        except self.client.exceptions.ClientError:
            return PolicyText()
        return PolicyText(str(answer["Policy"]))

    def write(self, *statements: dict[str, Any], bucket: str = "") -> str:
        """Put a policy with unusual indentation."""
        text = json.dumps({"Statement": statements, "Version": "2012-10-17"}, indent=7)
        self.client.put_bucket_policy(Bucket=bucket or self.source.bucket, Policy=text)
        return text

    def record(self) -> GrantRecord | None:
        return find_grant(self.raw.open())

    def environment(self) -> dict[str, str]:
        """The variables that name it."""
        return {
            "CHECKOUT_SOURCE_URI": self.source.uri,
            "CHECKOUT_RAW_URI": self.raw.uri,
            "CHECKOUT_LAKE_URI": self.lake.uri,
            "CHECKOUT_COPY_ROLE_ARN": COPY_ROLE,
            "CHECKOUT_ACCESS_REQUESTER": "orders team",
        }

    def closed_unless_granted(self) -> Rule:
        """A proxy's rule: the source's objects are denied unless our statements are there.

        The S3 server itself looks at no policy; the policies' meaning is proved elsewhere.
        """

        def rule(request: Request) -> Answer | None:
            about_source = request.path.lstrip("/").startswith(self.source.bucket)
            if not about_source or asks_policy(request) or self.policy().ours:
                return None
            return Answer(403, "AccessDenied")

        return rule


def asks_policy(request: Request, *methods: str) -> bool:
    """Whether the request is about a bucket's policy, by one of these methods."""
    is_policy = request.path.partition("?")[2].split("=")[0] == "policy"
    return is_policy and (not methods or request.method in methods)
