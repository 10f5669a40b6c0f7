"""The AWS account, principal and region, and clients with short timeouts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, CheckState, Topic
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.aws_setup import check_session, configuring
from checkout_assets.engines.doctor.asking import answered, ask, bucket_headers
from checkout_assets.engines.doctor.settling import UnseenError, settled
from checkout_assets.engines.locations import principal
from checkout_assets.settings import Settings
from spark_jobs.stores.sessions import REGION_VARIABLES

_SUBJECT = "AWS account"
_CREDENTIALS = Topic(_SUBJECT, "credentials", "docs/deploy/access.md#who-is-who")
_REGION = Topic(_SUBJECT, "region")
_IDENTITY = Topic(_SUBJECT, "identity", "docs/deploy/access.md#who-is-who")
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
_CONNECT_SECONDS = 3
_READ_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Account:
    """The account's id and the principal's ARN."""

    id: str
    arn: str

    @property
    def role_arn(self) -> str:
        """The ARN of the role that the principal has assumed, without its path; else its own."""
        kind, _, name = self.arn.rpartition(":")[2].partition("/")
        if kind != "assumed-role":
            return self.arn
        partition = self.arn.split(":")[1]
        return f"arn:{partition}:iam::{self.id}:role/{name.partition('/')[0]}"


class AwsClients:
    """Clients of one principal, each created once.

    ``region_of`` returns a bucket's region, requested once; empty if S3 does not return it.
    """

    def __init__(self) -> None:
        self._session = principal()
        self.region = str(self._session.region_name or "")
        self.of = cache(self._make)
        self.region_of = cache(self._region_of)

    def check(self) -> None:
        """Raise UsageError if settings or credentials cannot be used."""
        check_session(self._session)

    def is_amazon(self, service: str) -> bool:
        """Whether the service is Amazon's, not a compatible server."""
        host = str(self.of(service).meta.endpoint_url).rstrip("/")
        return host.endswith(_AMAZON)

    def _region_of(self, bucket: str) -> str:
        return bucket_headers(self.of("s3"), bucket).get("x-amz-bucket-region", "")

    def _make(self, service: str, region: str = "", endpoint_url: str = "") -> Any:
        from botocore.config import Config

        quickly = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 2},
            user_agent_extra="checkout-assets",
        )
        with configuring(self._session):
            return self._session.client(
                service,
                region_name=region or None,
                endpoint_url=endpoint_url or None,
                config=quickly,
            )


def credentials_results(clients: AwsClients, launches: bool) -> Iterator[CheckResult]:
    """Whether credentials can be used, and a region if machines are launched."""
    remedy = "Set AWS_PROFILE, or run where a role provides credentials."
    yield from settled(_CREDENTIALS, lambda: _credentials(clients), remedy)
    yield from settled(_REGION, lambda: _region(clients, launches))


def find_account(clients: AwsClients) -> Account:
    """The principal's account; raises UnseenError or UsageError if AWS does not return it."""
    answer = answered(ask(clients.of("sts"), "get_caller_identity"))
    return Account(str(answer["Account"]), str(answer["Arn"]))


def identity_results(account: Account, settings: Settings) -> Iterator[CheckResult]:
    """Whether the principal belongs to the account in which the work is done."""
    yield from settled(_IDENTITY, lambda: _identity(account, settings))


def checked_identity(settings: Settings) -> str:
    """Return the principal's ARN; raises UsageError if it may not or cannot be used.

    Another S3 server than Amazon's has no accounts: then nothing is requested.
    """
    clients = AwsClients()
    clients.check()
    if not clients.is_amazon("s3") and clients.is_amazon("sts"):
        return "not requested, because S3 is not Amazon's"
    try:
        (result,) = identity_results(find_account(clients), settings)
    except UnseenError as unseen:
        raise UsageError(f"{unseen.reason}.") from None
    if result.state is not CheckState.OK:
        raise UsageError(result.reason)
    return result.reason


def _credentials(clients: AwsClients) -> Iterator[CheckResult]:
    clients.check()
    yield _CREDENTIALS.ok("they can be used")


def _region(clients: AwsClients, launches: bool) -> Iterator[CheckResult]:
    if clients.region:
        yield _REGION.ok(displayable(clients.region))
    elif launches:
        yield _REGION.failed(
            "No region is configured, and machines are launched in one.",
            f"Set {' or '.join(REGION_VARIABLES)} to the region of raw.",
        )
    else:
        yield _REGION.ok("none is configured, and S3 needs none")


def _identity(account: Account, settings: Settings) -> Iterator[CheckResult]:
    if account.arn.endswith(":root"):
        yield _IDENTITY.failed(
            "The principal is the root user of the account.",
            "Use a role: no policy limits the root user.",
        )
        return
    wanted = settings.copy_role_arn.split(":")[4:5] or [settings.raw_account]
    if wanted[0] and wanted[0] != account.id:
        yield _IDENTITY.failed(
            f"The principal is of account {account.id}; the copy role or raw is of "
            f"{displayable(wanted[0])}.",
            "Set AWS_PROFILE to a principal of the account in which the work is done.",
        )
        return
    yield _IDENTITY.ok(displayable(account.arn))
