"""Machines that have outlived their run, as found by the sensors for orphans.

They are kept in Dagster's storage of daemons' cursors, where the sensor for alerts reads them: a
sensor cannot read the cursor of another one.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from checkout_assets.automation.run_ends import is_over
from checkout_assets.domain import canary as canaries
from checkout_assets.domain.alerts.found import Fate, OrphanedMachine

_KEYS = tuple(f"checkout_assets/outlived_{kind}" for kind in ("instances", "clusters"))
INSTANCES, CLUSTERS = _KEYS
_MOST_KEPT = 100
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def decide_machine(
    context: dg.SensorEvaluationContext,
    kind: str,
    machine_id: str,
    run_id: str,
    terminate: Callable[[str], None] | None,
) -> str:
    """Terminate a machine whose run is over, and return what was done; nothing if its run goes on.

    A machine whose run is unknown is left alone. ``terminate`` is None for a machine that is ending
    already. What is done is recorded before it is done, and a failure after it.
    """
    over = _is_over(context.instance, run_id)
    if over is None:
        keep_machine(context.instance, kind, machine_id, run_id, Fate.UNKNOWN_RUN)
        return f"{machine_id} (run {run_id}): left alone, its run is unknown here"
    if not over or terminate is None:
        return ""
    keep_machine(context.instance, kind, machine_id, run_id, Fate.ENDED)
    try:
        terminate(machine_id)
    except Exception:
        keep_machine(context.instance, kind, machine_id, run_id, Fate.STAYS)
        raise
    context.log.warning("terminated %s: its run %s is over", machine_id, run_id)
    return f"{machine_id} (run {run_id}): terminated, its run is over"


def _is_over(instance: dg.DagsterInstance, run_id: str) -> bool | None:
    """Whether the machine's run is over; a canary is not a run of Dagster, but ends in time."""
    if canaries.is_canary(run_id):
        return canaries.canary_is_over(run_id, datetime.now(UTC))
    return is_over(instance, run_id)


def keep_machine(
    instance: dg.DagsterInstance, kind: str, machine_id: str, run_id: str, fate: Fate
) -> None:
    """Record what happens to a machine; only the newest hundred are kept.

    Tags may hold anything, so a run id of an unusual form is recorded as empty.
    """
    found = OrphanedMachine(_plain(machine_id), _plain(run_id), fate)
    kept = _kept(instance, kind)
    if found.key not in {each.key for each in kept}:
        entries = [[each.id, each.run_id, each.fate.name] for each in (*kept, found)]
        text = json.dumps(entries[-_MOST_KEPT:])
        instance.daemon_cursor_storage.set_cursor_values({kind: text})


def outlived_machines(instance: dg.DagsterInstance) -> list[OrphanedMachine]:
    """Return the recorded machines of both kinds, the oldest of each kind first."""
    return [machine for kind in _KEYS for machine in _kept(instance, kind)]


def _kept(instance: dg.DagsterInstance, kind: str) -> list[OrphanedMachine]:
    """Return the recorded machines; none if another version recorded them in another form."""
    text = instance.daemon_cursor_storage.get_cursor_values({kind}).get(kind, "[]")
    try:
        return [OrphanedMachine(id_, run_id, Fate[name]) for id_, run_id, name in json.loads(text)]
    except (ValueError, TypeError, KeyError):
        return []


def _plain(text: str) -> str:
    return text if _ID.fullmatch(text) else ""
