"""All checks of the places and of AWS, in order: those that others depend on come first."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from checkout_assets.domain.doctor import CheckResult, CheckState, Topic
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.access.options import access_options
from checkout_assets.engines.doctor.account import (
    Account,
    AwsClients,
    credentials_results,
    find_account,
    identity_results,
)
from checkout_assets.engines.doctor.buckets import bucket_results, region_results
from checkout_assets.engines.doctor.canaries import canary_results
from checkout_assets.engines.doctor.fleets import ec2_results, emr_results
from checkout_assets.engines.doctor.limits import (
    RoleNeed,
    key_results,
    organization_results,
    role_needs,
)
from checkout_assets.engines.doctor.places import (
    NAMES,
    clock_results,
    configured_places,
    place_results,
)
from checkout_assets.engines.doctor.policies import bucket_policy_results
from checkout_assets.engines.doctor.roles import needed_roles, role_results
from checkout_assets.engines.doctor.settling import settled
from checkout_assets.engines.locations import Location, S3Location
from checkout_assets.settings import Settings

_ACCESS = Topic("access", "policies and roles", "docs/deploy/access.md")
_ACCOUNT = Topic("AWS account", "all other checks")
_WRITES = Topic("raw", "conditional writes", "docs/runbook.md#every_object_copied")
_NOBODY = "nobody"
_FIRST = "Correct what failed above, then run the same again."


def aws_results(settings: Settings, runs_at_a_time: int) -> Iterator[CheckResult]:
    """The results for the places and the account.

    ``runs_at_a_time`` is the number of runs that may launch machines at the same time.
    """
    places, others = configured_places(settings)
    yield from others
    if not any(isinstance(each, S3Location) for each in places.values()):
        yield from place_results(places, "")
        return
    yield from settled(_ACCOUNT, lambda: _in_aws(places, settings, runs_at_a_time))


def _in_aws(
    places: Mapping[str, Location], settings: Settings, runs_at_a_time: int
) -> Iterator[CheckResult]:
    clients = AwsClients()
    usable = list(credentials_results(clients, settings.launches_machines))
    yield from usable
    if any(each.state is not CheckState.OK for each in usable):
        yield _ACCOUNT.unknown("not made without credentials and a region", _FIRST)
        return
    yield from place_results(places, settings.copy_role_arn)
    yield from canary_results(places, clients, settings)
    yield from clock_results(places, clients)
    if clients.is_amazon("s3"):
        yield _WRITES.ok("Amazon S3 honours them")
        yield from region_results(places, clients, settings)
        yield from bucket_results(places, clients, settings)
    else:
        yield _WRITES.unknown(
            "not probed, because the probe writes; each copy makes it before anything else",
            "Copy one folder: a server that ignores conditions is refused.",
        )
    if clients.is_amazon("s3") or not clients.is_amazon("sts"):
        yield from _of_account(clients, settings, runs_at_a_time)


def _of_account(
    clients: AwsClients, settings: Settings, runs_at_a_time: int
) -> Iterator[CheckResult]:
    account = find_account(clients)
    yield from identity_results(account, settings)
    needs = _needs(settings, account)
    yield from settled(_ACCESS, lambda: _access(clients, settings, account, needs))
    if settings.copy_engine == "ec2":
        topic = Topic("EC2", "all checks", "docs/deploy/ec2.md")
        yield from settled(topic, lambda: ec2_results(clients, settings, runs_at_a_time, needs))
    if settings.structure_engine == "emr":
        topic = Topic("EMR", "all checks", "docs/deploy/emr.md")
        yield from settled(topic, lambda: emr_results(clients, settings, runs_at_a_time, needs))


def _access(
    clients: AwsClients, settings: Settings, account: Account, needs: Sequence[RoleNeed]
) -> Iterator[CheckResult]:
    missing = [name for name in NAMES if not getattr(settings, f"{name}_uri")]
    if missing or not settings.copy_role_arn:
        yield _ACCESS.unknown(
            "policies and roles are compared once all places and the copy role are configured",
            "Set CHECKOUT_COPY_ROLE_ARN and the three places.",
        )
        return
    try:
        options = access_options(settings)
    except UsageError as error:  # the checks of the places report it too
        yield _ACCESS.unknown(str(error), _FIRST)
        return
    terms = options.terms(_NOBODY, 1, datetime.now(UTC))
    yield from bucket_policy_results(options, clients, needs)
    host = _host(settings, account)
    yield from role_results(clients.of("iam"), terms, host, _instant())
    yield from key_results(clients, needs)
    yield from organization_results(clients)


def _needs(settings: Settings, account: Account) -> list[RoleNeed]:
    """What the configured roles need; nothing if the access options do not tell."""
    try:
        terms = access_options(settings).terms(_NOBODY, 1, datetime.now(UTC))
    except UsageError:
        return []
    return role_needs(needed_roles(terms, _host(settings, account)), terms, _instant())


def _host(settings: Settings, account: Account) -> str:
    return settings.reconcile_role_arn or account.role_arn


def _instant() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
