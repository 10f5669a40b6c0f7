"""Whether the grant is still needed, by the records of Dagster and raw; a reconciliation check.

Every reconciliation stores its proof in its metadata; here the newest come first.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import dagster as dg

from checkout_assets.assets.dagster_internals import backfills_under_way, unfinished_runs
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.access.need import RULE, Need, Reconciled, judge_need
from checkout_assets.domain.anomalies import Finding, Severity
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.access.grant_record import find_grant
from checkout_assets.engines.copying.cutoff import kept_cut_off
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.silence import OnSilence, ignore_silence, listening_to
from spark_jobs.contract.record_format import Instant, RecordError, read_record, write_record
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

PROVES = "proves"
"""The metadata entry."""

_NEVER_COPYING = ("reconcile", "grant_access", "revoke_access")
_MOST_RECONCILIATIONS = 500


@dataclass(frozen=True)
class _Kept:
    """The form of a ``Reconciled`` in the metadata."""

    WHAT: ClassVar[str] = "proof"
    FORMAT_VERSION: ClassVar[int] = 1

    at: Instant
    folders: int
    complete: int
    objects: int
    with_source: bool
    as_of: str
    last_listed: Instant | None
    in_full: bool = True


def kept(proof: Reconciled) -> dg.JsonMetadataValue:
    """The proof as a metadata value."""
    listed = proof.last_listed.isoformat() if proof.last_listed else None
    fields = {**asdict(proof), "at": proof.at.isoformat(), "last_listed": listed}
    return dg.MetadataValue.json(json.loads(write_record(_Kept(**fields))))


def history(instance: dg.DagsterInstance, asset_key: dg.AssetKey) -> list[Reconciled]:
    """The reconciliations that the instance has stored, newest first.

    An entry that cannot be read, or that a later version wrote, is left out.
    """
    records = instance.fetch_materializations(asset_key, limit=_MOST_RECONCILIATIONS).records
    made = [each.asset_materialization for each in records]
    entries = [each.metadata.get(PROVES) for each in made if each is not None]
    read = [_read(each.value) for each in entries if isinstance(each, dg.JsonMetadataValue)]
    return [each for each in read if each is not None]


def copying_runs(instance: dg.DagsterInstance) -> list[str]:
    """The ids of unfinished runs and backfills that copy or may copy."""
    runs = unfinished_runs(instance)
    return [
        *(run.run_id for run in runs if _may_copy(run)),
        *(each.backfill_id for each in backfills_under_way(instance, {RAW_ORDERS})),
    ]


def judge_grant(  # noqa: PLR0913 - what speaks for and against a grant
    instance: dg.DagsterInstance,
    raw: S3Location,
    reconciliations: Sequence[Reconciled],
    *,
    reachable: bool | None,
    now: datetime,
    grace: timedelta,
    on_silence: OnSilence = ignore_silence,
) -> tuple[Finding, Need | None]:
    """The rule's finding and its evidence; the evidence is None if raw cannot be read."""
    try:
        with listening_to(raw.open(), on_silence) as store:
            cut_off, grant = kept_cut_off(store), find_grant(store)
    except (UsageError, MigrationError) as error:
        return Finding(RULE, False, Severity.ERROR, str(error)), None
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        return Finding(RULE, False, Severity.ERROR, f"Raw cannot be read: {reason}."), None
    need = Need(
        grant=grant,
        reachable=reachable,
        history=reconciliations,
        as_of=cut_off.isoformat() if cut_off else "",
        at_work=copying_runs(instance),
        now=now,
        grace=grace,
    )
    return judge_need(need), need


def check_need(finding: Finding, runbook: Runbook) -> dg.AssetCheckResult:
    """The finding as a check of ``reconciliation``."""
    return dg.AssetCheckResult(
        check_name=RULE,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=finding.summary,
        metadata={"runbook": runbook.line(RULE)},
    )


def _may_copy(run: dg.DagsterRun) -> bool:
    """Whether the run may copy: True unless it is known not to."""
    if run.job_name in _NEVER_COPYING:
        return False
    selected: Iterable[Any] | None = run.asset_selection
    return not selected or RAW_ORDERS in selected


def _read(told: Any) -> Reconciled | None:
    try:
        found = read_record(_Kept, json.dumps(told).encode())
    except RecordError:
        return None
    listed = datetime.fromisoformat(found.last_listed) if found.last_listed else None
    fields = {**asdict(found), "at": datetime.fromisoformat(found.at), "last_listed": listed}
    return Reconciled(**fields)
