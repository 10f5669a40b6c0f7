"""Which red folders the repair schedule repairs, how often it has tried, and which it gives up.

Pure: the caller passes the reconciliation's outcome and the repairs launched since.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import State
from checkout_assets.domain.reporting.outcome import FolderName, ReconciliationOutcome
from checkout_assets.domain.reporting.repairing import Remedy, remedy_of
from spark_jobs.contract.record_format import Instant


@dataclass(frozen=True, slots=True)
class ScheduledRepair:
    """A repair that the schedule launched, and its folders that failed permanently.

    ``is_repeat`` marks a re-execution of another run, which does not count as a try.
    """

    folders: frozenset[str]
    permanent: frozenset[str] = frozenset()
    is_repeat: bool = False


@dataclass(frozen=True)
class RepairState:
    """The record by which the schedule decides about the next repair.

    ``repairable`` are the red folders that copying or structuring may make complete. ``tries`` is
    the number of scheduled repairs of each folder since it became red; launches before ``at`` are
    included. ``permanent`` are the red folders whose repair failed permanently.
    """

    WHAT: ClassVar[str] = "record of scheduled repairs"
    FORMAT_VERSION: ClassVar[int] = 1

    at: Instant
    with_source: bool
    repairable: list[FolderName] = field(default_factory=list)
    tries: dict[FolderName, int] = field(default_factory=dict)
    permanent: list[FolderName] = field(default_factory=list)

    @property
    def instant(self) -> datetime:
        """The time since which launches have not been counted."""
        return datetime.fromisoformat(self.at)


def state_after(
    outcome: ReconciliationOutcome,
    before: RepairState | None,
    repairs: Iterable[ScheduledRepair],
    at: datetime,
) -> RepairState:
    """The state after a reconciliation; ``repairs`` were launched since the state ``before``.

    The tries of a folder that is no longer red are reset.
    """
    launched = list(repairs)
    red = {each.folder: remedy_of(each) for each in outcome.folders if each.state == State.RED}
    tries = Counter(before.tries if before else {})
    tries.update(name for each in launched if not each.is_repeat for name in each.folders)
    permanent = {*(before.permanent if before else ()), *(n for r in launched for n in r.permanent)}
    helps = {Remedy.COPY, Remedy.STRUCTURE} if outcome.with_source else {Remedy.STRUCTURE}
    return RepairState(
        at.isoformat(),
        outcome.with_source,
        [name for name, remedy in red.items() if remedy in helps],
        {name: count for name, count in sorted(tries.items()) if name in red},
        sorted(permanent & red.keys()),
    )


def next_repair(
    state: RepairState, most_tries: int, most_folders: int, busy: Collection[str] = ()
) -> list[Folder]:
    """The folders of the next repair, at most ``most_folders``, those with the fewest tries first.

    Folders that are ``busy`` or given up are left out.
    """
    left_out = {*busy, *given_up(state, most_tries)}
    left = sorted(Folder.parse(name) for name in state.repairable if name not in left_out)
    chosen = sorted(left, key=lambda folder: state.tries.get(folder.name, 0))[:most_folders]
    return sorted(chosen)


def given_up(state: RepairState, most_tries: int) -> list[str]:
    """The red folders that the schedule does not repair again."""
    tried = {name for name, tries in state.tries.items() if tries >= most_tries}
    return [each.name for each in sorted(map(Folder.parse, {*tried, *state.permanent}))]
