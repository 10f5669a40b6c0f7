"""What the Dagster host's own role must allow, besides reconciling and launching machines.

The host keeps the reports of reconciliations, reads and writes the machines' files in S3, and sends
alerts. Copies are made by the copy role; the host assumes it for its own copies.
"""

from checkout_assets.domain.access.role_statements import (
    CUT_OFF,
    RESULTS,
    allow,
    assume_copy_role,
    list_place,
    use_fleet_key,
    use_key,
)
from checkout_assets.domain.access.statements import Statement
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.domain.canary import CANARIES, RUNS_OF_CANARIES
from spark_jobs.contract.keys import REPORTS


def host_role(terms: AccessTerms) -> list[Statement]:
    """Build the host's statements; what is not configured is left out."""
    return [
        assume_copy_role(terms),
        allow("KeepCutOff", ["s3:PutObject"], terms.arns(terms.raw, CUT_OFF)),
        *use_key("EncryptCutOff", terms.raw_key, "kms:GenerateDataKey"),
        *_keep_reports(terms),
        *_keep_run_logs(terms),
        *_deliver(terms),
        *_reports(terms),
        *(_results(terms) if launches_clusters(terms) else ()),
        *_follow_canary(terms),
        *_use_fleet_key(terms),
        *([allow("SendAlerts", ["sns:Publish"], list(terms.topics))] if terms.topics else ()),
    ]


def _keep_reports(terms: AccessTerms) -> list[Statement]:
    if terms.lake is None:
        return []
    actions = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    return [
        allow("KeepReports", actions, terms.arns(terms.lake, f"{REPORTS}*")),
        *use_key("EncryptReports", terms.lake_key, "kms:GenerateDataKey"),
    ]


def _keep_run_logs(terms: AccessTerms) -> list[Statement]:
    if terms.run_logs is None:
        return []
    return _read_and_write(terms, "RunLogs", terms.run_logs, "s3:GetObject", "s3:PutObject")


def launches_instances(terms: AccessTerms) -> bool:
    """Whether copying instances are configured."""
    return bool(terms.worker_role and terms.reports)


def launches_clusters(terms: AccessTerms) -> bool:
    """Whether EMR's clusters are configured."""
    return bool(terms.emr_service_role and terms.structure_role)


def _use_fleet_key(terms: AccessTerms) -> list[Statement]:
    reports = terms.reports if launches_instances(terms) else None
    logs = terms.logs if launches_clusters(terms) else None
    both = (*terms.packages, reports)
    return use_fleet_key(terms, reads=(*both, logs), writes=both)


def _deliver(terms: AccessTerms) -> list[Statement]:
    names = ("Package", "ClusterPackage")
    actions = ["s3:GetObject", "s3:PutObject"]
    return [
        statement
        for name, place in zip(names, terms.packages, strict=False)
        for statement in (
            allow(f"Deliver{name}", actions, terms.arns(place, "*")),
            list_place(terms, f"List{name}", place),
        )
    ]


def launches_canary(terms: AccessTerms) -> bool:
    """Whether doctor's canary can be launched: it needs both fleets and a lake in S3."""
    return launches_instances(terms) and launches_clusters(terms) and terms.lake is not None


def _follow_canary(terms: AccessTerms) -> list[Statement]:
    """Allow to read what a canary's machines wrote, and to remove everything of it."""
    if not launches_canary(terms):
        return []
    assert terms.lake is not None
    assert terms.reports is not None
    places = [
        each for place in (terms.raw, terms.lake) for each in terms.arns(place, f"{CANARIES}*")
    ]
    reports = terms.arns(terms.reports, f"{RUNS_OF_CANARIES}*")
    return [allow("FollowCanary", ["s3:DeleteObject", "s3:GetObject"], [*places, *reports])]


def _reports(terms: AccessTerms) -> list[Statement]:
    if not launches_instances(terms) or terms.reports is None:
        return []
    return _read_and_write(terms, "Reports", terms.reports, "s3:GetObject", "s3:PutObject")


def _results(terms: AccessTerms) -> list[Statement]:
    statements = []
    if terms.lake is not None:
        statements.append(allow("ReadResults", ["s3:GetObject"], terms.arns(terms.lake, RESULTS)))
    if terms.logs is not None:
        statements += _read_and_write(terms, "Logs", terms.logs, "s3:GetObject")
    return statements


def _read_and_write(terms: AccessTerms, name: str, place: Place, *actions: str) -> list[Statement]:
    return [allow(name, actions, terms.arns(place, "*")), list_place(terms, f"List{name}", place)]
