"""Grant and revoke from Dagster, and the sensor that finds grants that are no longer needed."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from checkout_assets.assets.dagster_internals import CheckTarget, latest_target
from checkout_assets.assets.grant_need import history, judge_grant
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.access.grants import GrantState, Proof
from checkout_assets.domain.access.need import RULE, Need
from checkout_assets.domain.anomalies import Finding
from checkout_assets.domain.counting import in_number
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.access.bucket_policy import PolicyChange
from checkout_assets.engines.access.source_reach import source_answers
from checkout_assets.resources.access import AccessResource

_SECONDS_BETWEEN = 600
_DESCRIPTION = (
    "Turns the check no_grant_outlives_its_need red when all 512 folders are copied, structured "
    "and reconciled against one cut-off, nothing copies, the grace period has passed, and the "
    "source is still open. Revokes by itself only if that is configured."
)
_DRY = "Only a dry run: nothing was changed. Set dry_run to false to write it."


class GrantConfig(dg.Config):
    """The terms of the grant; omitted ones are those of the deployment."""

    dry_run: bool = Field(default=True, description="only show what would change")
    requester: str = Field(default="", description="the person or team that requests access")
    days: int = Field(default=0, ge=0, le=90, description="how many days it lasts")


class RevokeConfig(dg.Config):
    """Whether the change is written."""

    dry_run: bool = Field(default=True, description="only show what would change")


@dg.op(description="Add our statements to the buckets' policies; those of others stay unchanged.")
def grant(context: dg.OpExecutionContext, config: GrantConfig, access: AccessResource) -> None:
    """Show what changes, and write it unless it is a dry run."""
    now = datetime.now(UTC)
    try:
        terms = access.terms(config.requester, config.days, now)
        granter = access.granter()
        _show(context, granter.plan_grant(terms))
        if not config.dry_run:
            made = granter.grant(terms, now)
            context.log.info("granted to %s until %s", displayable(made.requester), made.expires)
    except (UsageError, MigrationError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    if config.dry_run:
        context.log.warning(_DRY)


@dg.op(
    description="Remove our statements from the buckets' policies; those of others stay unchanged."
)
def revoke(context: dg.OpExecutionContext, config: RevokeConfig, access: AccessResource) -> None:
    """Show what changes, and write it, with the last proof, unless it is a dry run."""
    now = datetime.now(UTC)
    try:
        granter = access.granter()
        _show(context, granter.plan_revoke())
        if not config.dry_run:
            ended = granter.revoke(now, last_proof(context.instance))
            context.log.info(ended.ended(now) if ended else "Nothing was ever granted.")
    except (UsageError, MigrationError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    if config.dry_run:
        context.log.warning(_DRY)


@dg.job(
    description="Grant the access that copying needs, until the expiry. A dry run by default.",
    executor_def=dg.in_process_executor,
)
def grant_access() -> None:
    """Run the op alone."""
    grant()


@dg.job(
    description="Revoke the access to the source. A dry run by default.",
    executor_def=dg.in_process_executor,
)
def revoke_access() -> None:
    """Run the op alone."""
    revoke()


def build_grant_outlives_need(runbook: Runbook) -> dg.SensorDefinition:
    """Build the sensor; it reports the check when its result changes."""

    @dg.sensor(
        name="grant_outlives_need",
        job=revoke_access,
        minimum_interval_seconds=_SECONDS_BETWEEN,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=_DESCRIPTION,
    )
    def grant_outlives_need(
        context: dg.SensorEvaluationContext, access: AccessResource
    ) -> dg.SensorResult | dg.SkipReason:
        latest = latest_target(context.instance, RECONCILIATION)
        if latest is None:
            return dg.SkipReason("Nothing was reconciled yet.")
        try:
            finding, need = _judged(context.instance, access)
        except (UsageError, MigrationError) as error:
            return dg.SkipReason(str(error))
        said = f"{latest.storage_id} {finding.passed} {finding.summary}"
        told = [] if said == context.cursor else [_evaluation(finding, latest, runbook)]
        return dg.SensorResult(
            asset_events=told,
            run_requests=_revocations(finding, need, access),
            cursor=said,
        )

    return grant_outlives_need


def _judged(instance: dg.DagsterInstance, access: AccessResource) -> tuple[Finding, Need | None]:
    """Judge whether access is still needed, from what is known now."""
    return judge_grant(
        instance,
        access.stores.raw(),
        history(instance, RECONCILIATION),
        reachable=_reachable(access),
        now=datetime.now(UTC),
        grace=access.grace,
    )


def last_proof(instance: dg.DagsterInstance) -> Proof | None:
    """Return the newest reconciliation that included the source, whatever it found complete."""
    seen = (each for each in history(instance, RECONCILIATION) if each.with_source)
    newest = next(seen, None)
    return newest.proof() if newest else None


def _reachable(access: AccessResource) -> bool | None:
    """True if the source answers us; if it does not, another role may still have access."""
    if not access.stores.source_uri:
        return None
    return source_answers(access.stores.source()) or None


def _revocations(
    finding: Finding, need: Need | None, access: AccessResource
) -> list[dg.RunRequest]:
    if finding.passed or need is None or need.grant is None or not access.access_auto_revoke:
        return []
    if need.grant.standing(need.now) is not GrantState.ACTIVE:
        return []  # the access that works then was not granted by us
    config = {"ops": {"revoke": {"config": {"dry_run": False}}}}
    return [dg.RunRequest(run_key=f"revoke {need.grant.granted_at}", run_config=config)]


def _evaluation(finding: Finding, target: CheckTarget, runbook: Runbook) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=RECONCILIATION,
        check_name=RULE,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=finding.summary,
        metadata={"runbook": runbook.line(RULE)},
        target_materialization_data=target,
    )


def _show(context: dg.OpExecutionContext, changes: Sequence[PolicyChange]) -> None:
    """Return the difference as text, by bucket, for the log."""
    for change in changes:
        what = "\n".join(change.lines) if change.needed else "stays as it is"
        others = len(change.before.others)
        stay = in_number(others, "# statement[|s] of others [stays|stay]")
        context.log.info("%s, %s:\n%s", change.bucket, stay, what)
