"""The read requests for the account's vCPU quotas."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.aws_requests import AwsRequestError, diagnosed
from checkout_assets.engines.aws_setup import configuring
from checkout_assets.engines.fleet.vcpu_quotas import UncomparedError
from checkout_assets.engines.locations import principal
from spark_jobs.service_codes import is_denied

QUOTA_READS = {
    "describe_instance_types": ("ec2", "ec2:DescribeInstanceTypes"),
    "get_service_quota": ("service-quotas", "servicequotas:GetServiceQuota"),
}
"""By request, its service and the permission that it needs."""

_CONNECT_SECONDS = 3
_READ_SECONDS = 10


class QuotaRequests:
    """Sends requests to EC2 and Service Quotas with short timeouts, because a launch waits.

    Clients are created when they are first used.
    """

    def __init__(self, region: str, endpoint_url: str = "") -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._client = cache(self._make)

    def __call__(self, request: str, **parameters: Any) -> Mapping[str, Any]:
        """Return AWS's response; raises UncomparedError for an error or without a response."""
        service, action = QUOTA_READS[request]
        try:
            with diagnosed():
                answer: Mapping[str, Any] = getattr(self._client(service), request)(**parameters)
        except AwsRequestError as error:
            lacking = f"the host needs {action}" if is_denied(error.code) else str(error)
            raise UncomparedError(lacking) from None
        except MigrationError as error:
            raise UncomparedError(str(error).rstrip(".")) from None
        return answer

    def _make(self, service: str) -> Any:
        from botocore.config import Config

        session = principal()
        with configuring(session):
            return session.client(
                service,
                region_name=self._region,
                endpoint_url=self._endpoint_url or None,
                config=Config(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 2},
                    user_agent_extra="checkout-assets",
                ),
            )
