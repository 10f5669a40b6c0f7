"""The names of Amazon's own buckets, by region and partition."""

from checkout_assets.domain.access.circumstances import Circumstances
from checkout_assets.engines.doctor.amazon_buckets import linux_need, node_need
from checkout_assets.engines.doctor.limits import RoleNeed


def of_role(partition: str) -> list[RoleNeed]:
    role = f"arn:{partition}:iam::123456789012:role/node"
    return [RoleNeed("node role", [], Circumstances(role, ""))]


def test_the_first_region_s_log_bucket_has_no_region_in_its_name() -> None:
    """EMR Management Guide, "Sample policies for private subnets that access Amazon S3"."""
    for region, bucket in (
        ("us-east-1", "aws157-logs-prod"),
        ("us-east-2", "aws157-logs-prod-us-east-2"),
    ):
        (need,) = node_need(region, of_role("aws"))
        assert need.of("s3:Put") == [
            {"Action": ["s3:PutObject"], "Resource": [f"arn:aws:s3:::{bucket}/*"]}
        ]


def test_buckets_are_of_the_role_s_partition() -> None:
    (need,) = linux_need("cn-north-1", of_role("aws-cn"))
    (statement,) = need.statements
    assert statement["Resource"] == ["arn:aws-cn:s3:::al2023-repos-cn-north-1-de612dc2/*"]


def test_without_a_known_role_nothing_is_needed() -> None:
    assert node_need("us-east-2", []) == linux_need("us-east-2", []) == []
