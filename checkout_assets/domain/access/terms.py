"""The terms of access: places, roles, keys, and the end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_assets.domain.alerts.topics import is_topic
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from spark_jobs.contract.order_types import OrderType

LONGEST_DAYS = 90
"""Longest duration of a grant; access can be granted again."""

FOLDER_PATTERNS = tuple(f"??_{order_type}" for order_type in OrderType)
"""The names of the 512 folders, as policy patterns."""

_ROLE = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):role/[\w+=,.@/-]+", re.ASCII)
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[\w-]+", re.ASCII)
_ROLES = (
    *("copy_role", "worker_role", "reconcile_role"),
    *("structure_role", "emr_service_role", "grant_role"),
)
_PATTERN_CHARACTERS = re.compile(r"[*?$]")


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket and a prefix, which is empty or ends in a slash."""

    bucket: str
    prefix: str = ""

    def below(self, pattern: str) -> str:
        """Return a policy's pattern of keys for a pattern that is relative to this place."""
        return f"{self.prefix}{pattern}"


@dataclass(frozen=True, slots=True)
class AccessTerms:
    """Who may do what where, and until when.

    ``lake`` is None if it is a directory. Roles are ARNs, and all but the first may be empty.
    ``copy_role`` copies and ``reconcile_role`` only compares; these two get access to the source.
    ``worker_role`` is that of copying instances, ``structure_role`` that of clusters' nodes,
    ``emr_service_role`` EMR's own. ``grant_role`` is assumed in the source's account for granting.

    ``package`` is where instances read the program, and clusters too unless ``cluster_package`` is
    set. ``reports`` is where copying instances report, ``logs`` where clusters put logs, and
    ``run_logs`` where Dagster keeps the output of runs. ``fleet_key`` encrypts what lies at these
    places, ``volume_key`` the volumes of copying instances.

    ``requester`` is the person or team that asked for the access. ``deployment`` tags the launched
    instances, ``cluster_deployment`` the clusters. ``topics`` are the SNS topics that get alerts.

    ``catalog`` says where the analysts' tables are registered, ``plain_database`` in which database
    of Glue the plain ones are.
    """

    source: Place
    raw: Place
    lake: Place | None
    copy_role: str
    expires: datetime
    requester: str
    worker_role: str = ""
    reconcile_role: str = ""
    source_key: str = ""
    raw_key: str = ""
    lake_key: str = ""
    fleet_key: str = ""
    volume_key: str = ""
    package: Place | None = None
    cluster_package: Place | None = None
    reports: Place | None = None
    logs: Place | None = None
    run_logs: Place | None = None
    structure_role: str = ""
    emr_service_role: str = ""
    grant_role: str = ""
    deployment: str = "checkout-assets"
    cluster_deployment: str = "checkout-assets"
    topics: tuple[str, ...] = ()
    catalog: str = ""
    plain_database: str = ""

    def __post_init__(self) -> None:
        for what in _ROLES:
            self._check_role(what.replace("_", " "), getattr(self, what))
        for what in ("source", "raw", "lake", "fleet", "volume"):
            key = getattr(self, f"{what}_key")
            if key and not _KEY.fullmatch(key):
                raise UsageError(
                    f'The KMS key of the {what} "{displayable(key)}" is wrong: policies need its '
                    "ARN, arn:aws:kms:<region>:<account>:key/<id>."
                )
        for topic in self.topics:
            if not is_topic(topic):
                raise UsageError(
                    f'The SNS topic "{displayable(topic)}" is wrong: write its ARN, '
                    "arn:aws:sns:<region>:<account>:<name>."
                )
        places = (
            *(self.source, self.raw, self.lake, *self.packages),
            *(self.reports, self.logs, self.run_logs),
        )
        for place in places:
            if place is not None and _PATTERN_CHARACTERS.search(place.prefix):
                raise UsageError(
                    f'The prefix "{displayable(place.prefix)}" holds *, ? or $, which policies '
                    "read as patterns: use a prefix without them."
                )
        if not any(map(str.isalnum, self.requester)):
            raise UsageError("No requester is named: use --requester with a person or a team.")

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``, from the copy role."""
        return self.copy_role.split(":")[1]

    @property
    def account(self) -> str:
        """The copy role's account, in which all the work is done."""
        return self.copy_role.split(":")[4]

    @property
    def node_package(self) -> Place | None:
        """Where the nodes of clusters read the program."""
        return self.cluster_package or self.package

    @property
    def packages(self) -> Sequence[Place]:
        """The places of programs, each once."""
        return list(dict.fromkeys(filter(None, (self.package, self.cluster_package))))

    @property
    def listers(self) -> Sequence[str]:
        """The roles that list the source; only the copy role reads its objects."""
        return list(dict.fromkeys(filter(None, (self.copy_role, self.reconcile_role))))

    @property
    def expiry(self) -> str:
        """The end of the grant, in the format of policies."""
        return self.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def bucket_arn(self, place: Place) -> str:
        """The bucket's ARN."""
        return f"arn:{self.partition}:s3:::{place.bucket}"

    def arns(self, place: Place, *patterns: str) -> list[str]:
        """The ARNs of the objects below the place whose relative keys match the patterns."""
        return [f"{self.bucket_arn(place)}/{place.below(pattern)}" for pattern in patterns]

    @staticmethod
    def _check_role(what: str, role: str) -> None:
        if (role or what == "copy role") and not _ROLE.fullmatch(role):
            raise UsageError(
                f'The {what} "{displayable(role)}" is wrong: policies need its ARN, '
                "arn:aws:iam::<account>:role/<name>."
            )


def expiry_after(now: datetime, days: int) -> datetime:
    """Return the midnight (UTC) that ends the last day, so that the grants of a day are equal."""
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError(f"A grant lasts 1 to {LONGEST_DAYS} days, not {days}.")
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=days + 1)
