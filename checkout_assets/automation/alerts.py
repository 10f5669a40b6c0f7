"""The sensor ``alerts``: it sends each problem once to SNS topics and other services.

A message is sent first and recorded afterwards, with the sensor's cursor. If the process is killed
in between, the same message is sent once more with the same id, and none is lost.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from logging import Logger

import dagster as dg

from checkout_assets.assets.runbook import Runbook
from checkout_assets.automation.alert_facts import (
    SETTLED_SECONDS,
    WATCHED,
    RunsSeen,
    check_runs,
    checks_since,
    failures_since,
    last_reconciled,
    newest_failure,
)
from checkout_assets.automation.outlived_machines import outlived_machines
from checkout_assets.domain.alerts.found import Alert, Situation
from checkout_assets.domain.alerts.levels import pack_levels, unpack_levels
from checkout_assets.domain.alerts.message import AlertLinks, AlertMessage, compose
from checkout_assets.domain.alerts.state import AlertState, TargetState
from checkout_assets.domain.counting import in_number
from checkout_assets.engines.alerts.options import AlertOptions
from checkout_assets.engines.alerts.sending import AlertTarget, problem_of_sending
from spark_jobs.contract.record_format import RecordError, read_record, write_record

SECONDS_BETWEEN = 60
_SECONDS_FOR_SENDING = 20.0
"""Seconds after which no further message is started: Dagster ends a sensor's evaluation after
60 s, and then the sent messages are not recorded."""

_OFF = "No alerts are sent: set CHECKOUT_ALERTS."


@dataclass(frozen=True, slots=True)
class Alerts:
    """Reads Dagster's events and sends what is new to each target."""

    targets: Sequence[AlertTarget]
    options: AlertOptions
    links: AlertLinks

    def look(
        self, instance: dg.DagsterInstance, cursor: str | None, now: float, log: Logger
    ) -> tuple[str, int]:
        """Send what is new; returns the next cursor, and how many messages were sent."""
        before = _read(cursor, now, log)
        state = _with_checks(instance, before, now)
        situation = self._situation(instance, state, now)
        targets = {
            each.key: self._known(instance, before, each, situation) for each in self.targets
        }
        first = sorted(self.targets, key=lambda each: targets[each.key].tries)
        sent, started = 0, time.monotonic()
        for target in first:
            is_late = time.monotonic() - started > _SECONDS_FOR_SENDING
            if now < targets[target.key].not_before or is_late:
                continue
            after = self._serve(instance, target, targets[target.key], (situation, now), log)
            sent += after.messages - targets[target.key].messages
            targets[target.key] = after
        return _written(state.with_targets(targets)), sent

    def _situation(self, instance: dg.DagsterInstance, state: AlertState, now: float) -> Situation:
        reconciled = last_reconciled(instance) or state.since
        hours = int((now - reconciled) // 3600)
        return Situation(
            levels=unpack_levels(state.levels),
            machines=outlived_machines(instance),
            reconciled=reconciled,
            late_hours=hours if hours >= self.options.late_hours else 0,
        )

    def _known(
        self,
        instance: dg.DagsterInstance,
        before: AlertState,
        target: AlertTarget,
        situation: Situation,
    ) -> TargetState:
        """Return what the target was sent; a new target gets what is red, not earlier events."""
        known = before.targets.get(target.key)
        if known is not None:
            return known
        machines = [each.key for each in situation.machines]
        return TargetState(runs_before=newest_failure(instance), machines=machines)

    def _serve(
        self,
        instance: dg.DagsterInstance,
        target: AlertTarget,
        state: TargetState,
        at: tuple[Situation, float],
        log: Logger,
    ) -> TargetState:
        """Send the target what is new, if anything is; returns its new state."""
        situation, now = at
        failures = failures_since(instance, state.runs_before, state.runs_sent, now)
        situation = replace(situation, runs=failures.runs)
        alerts = state.alerts(situation, WATCHED, self.options.recovered)
        if not alerts:
            return _settled(state, situation, failures)
        message = compose(alerts, self.links, _runs(instance, alerts), state.messages)
        if problem := _problem_of_sending(target, message):
            failed = state.after_failure(now)
            again = datetime.fromtimestamp(failed.not_before, UTC)
            sentence = "No message was sent to %s: %s. It is tried again at %s UTC."
            log.warning(sentence, target.name, problem, f"{again:%H:%M}")
            return failed
        log.info("Sent a message to %s.", target.name)
        pause = self.options.minutes_apart * 60
        return _settled(state, situation, failures).after_success(now, pause)


def build_alerts(
    targets: Sequence[AlertTarget],
    options: AlertOptions,
    runbook: Runbook,
    clock: Callable[[], float] = time.time,
) -> dg.SensorDefinition:
    """Build the sensor; it is shown but off without a target. ``clock`` is seconds since 1970."""
    sender = Alerts(targets, options, AlertLinks(options.ui_url, runbook.url))
    running = dg.DefaultSensorStatus.RUNNING if targets else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=SECONDS_BETWEEN,
        default_status=running,
        description=(
            "Sends what went wrong to the SNS topics and URLs of CHECKOUT_ALERTS, once each: "
            "failed checks, failed runs, machines that outlived their run, a late reconciliation."
        ),
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if not targets:
            return dg.SkipReason(_OFF)
        cursor, sent = sender.look(context.instance, context.cursor, clock(), context.log)
        context.update_cursor(cursor)
        return dg.SkipReason(in_number(sent, "Sent # message[|s]."))

    return alerts


def _problem_of_sending(target: AlertTarget, message: AlertMessage) -> str:
    """Send the message; returns why that failed, or an empty text. Never ends the sensor."""
    try:
        return problem_of_sending(target, message)
    except Exception as error:  # its text may hold a secret
        return type(error).__name__


def _read(cursor: str | None, now: float, log: Logger) -> AlertState:
    if not cursor:
        return AlertState(since=now)
    try:
        return read_record(AlertState, cursor.encode())
    except RecordError as error:
        log.warning("Everything that is red is sent again, because %s.", error)
        return AlertState(since=now)


def _written(state: AlertState) -> str:
    return json.dumps(json.loads(write_record(state)), separators=(",", ":"))


def _with_checks(instance: dg.DagsterInstance, before: AlertState, now: float) -> AlertState:
    """The state with what the checks say now."""
    seen = checks_since(instance, before.read)
    levels = {**unpack_levels(before.levels), **seen.levels}
    packed = pack_levels({place: level for place, level in levels.items() if level})
    return replace(before, levels=packed).moved(seen.newest, now, SETTLED_SECONDS)


def _settled(state: TargetState, situation: Situation, failures: RunsSeen) -> TargetState:
    return state.seen(situation).settle(failures.events, failures.settled_before)


def _runs(instance: dg.DagsterInstance, alerts: Sequence[Alert]) -> Mapping[tuple[str, str], str]:
    """Return the runs of the checks in these alerts."""
    checks = {check for each in alerts for check, _ in each.places}
    return check_runs(instance, checks) if checks else {}
