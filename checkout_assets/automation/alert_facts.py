"""The facts for alerts from Dagster: check results, failed runs, reconciliations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from checkout_assets.assets.dagster_internals import CheckSeen, checks_after, will_be_retried
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.reconciliation_checks import CHECKS
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.assets.retries import folders_failed
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.domain.alerts.found import FailedRun, WatchedCheck
from checkout_assets.domain.alerts.levels import CheckPlace, level_of
from checkout_assets.domain.anomalies import RAW_RULES, STRUCTURED_RULES, Rule
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.folders import FOLDER_NAMES

MOST_RUNS = 200
"""Most failed runs handled at once; the next evaluation continues."""

SETTLED_SECONDS = 120.0
"""Seconds after which no event with a lower number can appear."""


def _watched(asset: dg.AssetKey, rules: Iterable[Rule[Any]]) -> Iterator[WatchedCheck]:
    for rule in rules:
        yield WatchedCheck(rule.name, asset.to_user_string(), rule.description)


_KEYS = {
    **{rule.name: dg.AssetCheckKey(RAW_ORDERS, rule.name) for rule in RAW_RULES},
    **{rule.name: dg.AssetCheckKey(STRUCTURED_ORDERS, rule.name) for rule in STRUCTURED_RULES},
    **{spec.name: dg.AssetCheckKey(RECONCILIATION, spec.name) for spec in CHECKS},
}
WATCHED = (
    *_watched(RAW_ORDERS, RAW_RULES),
    *_watched(STRUCTURED_ORDERS, STRUCTURED_RULES),
    *(
        WatchedCheck(spec.name, RECONCILIATION.to_user_string(), spec.description or "")
        for spec in CHECKS
    ),
)
"""Every check, in the order of messages."""

_PLACES = {"", *FOLDER_NAMES}


@dataclass(frozen=True, slots=True)
class ChecksSeen:
    """New levels by check and folder; 0 for a check that passes.

    ``newest`` is the number of the last event, of any kind, before they were read.
    """

    levels: Mapping[CheckPlace, int]
    newest: int


@dataclass(frozen=True, slots=True)
class RunsSeen:
    """Runs that failed: those to report, and the events of all that are settled.

    All events before ``settled_before`` have appeared.
    """

    runs: Sequence[FailedRun]
    events: Sequence[int]
    settled_before: int


def checks_since(instance: dg.DagsterInstance, event: int) -> ChecksSeen:
    """Return the levels of the checks that were stored after that event."""
    newest = instance.event_log_storage.get_maximum_record_id() or 0
    if newest <= event:
        return ChecksSeen({}, event)
    seen = checks_after(instance, list(_KEYS.values()), event)
    levels = {_place(each): _level(each) for each in seen}
    known = {place: level for place, level in levels.items() if place[1] in _PLACES}
    return ChecksSeen(known, newest)


def check_runs(instance: dg.DagsterInstance, checks: Iterable[str]) -> dict[CheckPlace, str]:
    """Return the run of the newest result of each of these checks; none for a sensor's result."""
    keys = [_KEYS[name] for name in sorted(set(checks))]
    return {_place(each): each.run_id for each in checks_after(instance, keys, 0)}


def newest_failure(instance: dg.DagsterInstance) -> int:
    """Return the number of the last event of a failed run; 0 if there is none."""
    changes = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1)
    return max((each.storage_id for each in changes.records), default=0)


def failures_since(
    instance: dg.DagsterInstance, event: int, known: Iterable[int], now: float
) -> RunsSeen:
    """Return the runs that failed after that event, except for the ``known`` events."""
    records = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=event),
        limit=MOST_RUNS,
        ascending=True,
    ).records
    runs: list[FailedRun] = []
    events: list[int] = []
    open_events: list[int] = []
    before = set(known)
    for each in records:
        is_old = now - each.timestamp >= SETTLED_SECONDS
        run = instance.get_run_by_id(each.run_id)
        again = _is_retried(instance, run, is_old)
        if not is_old or again is None:
            open_events.append(each.storage_id)
        if again is None:
            continue
        events.append(each.storage_id)
        if run is not None and not again and each.storage_id not in before:
            runs.append(_failed(instance, run, each.storage_id))
    last = max([event, *(each.storage_id for each in records)])
    return RunsSeen(runs, events, min(open_events, default=last + 1))


def last_reconciled(instance: dg.DagsterInstance) -> float | None:
    """Return when the last reconciliation was stored; None if there is none."""
    records = instance.fetch_materializations(RECONCILIATION, limit=1).records
    return records[0].timestamp if records else None


def _is_retried(
    instance: dg.DagsterInstance, run: dg.DagsterRun | None, is_old: bool
) -> bool | None:
    """Whether Dagster retries the run; None while that may still be decided."""
    if run is None or not instance.run_retries_enabled:
        return False
    decided = will_be_retried(run)
    return False if decided is None and is_old else decided


def _failed(instance: dg.DagsterInstance, run: dg.DagsterRun, event: int) -> FailedRun:
    assets = sorted(key.to_user_string() for key in run.asset_selection or ())
    return FailedRun(
        event,
        run.run_id,
        displayable(", ".join(assets) or run.job_name),
        sorted(folders_failed(instance, run.run_id)),
    )


def _place(seen: CheckSeen) -> CheckPlace:
    return seen.key.name, seen.partition or ""


def _level(seen: CheckSeen) -> int:
    """Return the level; a warning's count is the sum of the counts in its metadata."""
    evaluation = seen.evaluation
    if evaluation is None:
        return level_of(True, False, 0)
    counts = [
        each.value
        for each in evaluation.metadata.values()
        if isinstance(each, dg.IntMetadataValue) and each.value is not None
    ]
    is_error = evaluation.severity is dg.AssetCheckSeverity.ERROR
    return level_of(False, is_error, sum(counts))
