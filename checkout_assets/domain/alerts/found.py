"""The triggers of alerts: checks, failed runs, orphaned machines, a late reconciliation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from checkout_assets.domain.alerts.levels import PASSED, CheckPlace, Levels
from checkout_assets.domain.counting import counted, in_number
from checkout_assets.domain.folders import Folder, words_for

FAILED_RUN, ORPHANED_MACHINE, LATE = (
    "a-folder-failed",
    "orphaned-machine",
    "late-reconciliation",
)
"""Sections of the runbook."""

_MOST_WORDS = 30


class Fate(StrEnum):
    """What happens to a machine that has outlived its run."""

    ENDED = "it is terminated now, because its run is over"
    UNKNOWN_RUN = "it stays, because this Dagster instance does not know its run"
    STAYS = "it could not be terminated although its run is over"


@dataclass(frozen=True, slots=True)
class OrphanedMachine:
    """An EC2 instance or an EMR cluster without a run, by its id in AWS."""

    id: str
    run_id: str
    fate: Fate

    @property
    def key(self) -> str:
        """Identifies this event."""
        return f"{self.id} {self.fate.name}"


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that failed and that Dagster does not retry; ``event`` is the failure's storage id.

    ``work`` is the job or the assets, ``folders`` are those that failed.
    """

    event: int
    run_id: str
    work: str
    folders: Sequence[Folder] = ()


@dataclass(frozen=True, slots=True)
class WatchedCheck:
    """A check and its description, which an alert quotes; its runbook section has its name."""

    name: str
    asset: str
    states: str


@dataclass(frozen=True, slots=True)
class Situation:
    """The current state of everything that can trigger an alert.

    ``runs`` are the failed runs that have not been sent yet. ``reconciled`` is the time of the last
    reconciliation's end, in seconds since 1970; ``late_hours`` is 0 unless the next is overdue.
    """

    levels: Levels = field(default_factory=dict)
    runs: Sequence[FailedRun] = ()
    machines: Sequence[OrphanedMachine] = ()
    reconciled: float = 0.0
    late_hours: int = 0


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: a headline, a sentence, a section of the runbook, and runs.

    ``key`` is always the same for the same event. If the alert names no runs itself, they are the
    runs of ``check`` at ``places``.
    """

    key: str
    headline: str
    sentence: str
    section: str
    run_ids: Sequence[str] = ()
    places: Sequence[CheckPlace] = ()


def check_alerts(
    sent: Levels, now: Levels, checks: Sequence[WatchedCheck], recovered: bool
) -> Iterator[Alert]:
    """One alert per check and change: failed, got worse, and, if ``recovered``, passes again."""
    changes = (
        ("failed", [each for each in now if not sent.get(each)]),
        ("got worse", [each for each in now if PASSED < sent.get(each, 0) < now[each]]),
        ("passes again", [each for each in sent if recovered and not now.get(each)]),
    )
    for change, places in changes:
        for check in checks:
            mine = sorted(each for each in places if each[0] == check.name)
            if mine:
                yield _check_alert(check, change, mine, now)


def _check_alert(
    check: WatchedCheck, change: str, places: Sequence[CheckPlace], now: Levels
) -> Alert:
    folders = [folder for _, folder in places if folder]
    levels = ",".join(f"{folder}={now.get((check.name, folder), 0)}" for _, folder in places)
    return Alert(
        key=f"{check.name} {change} {levels}",
        headline=f"{check.name} of {check.asset} {change}{_in_folders(folders)}.",
        sentence=f"The check states: {check.states}",
        section=check.name,
        places=places,
    )


def run_alerts(runs: Iterable[FailedRun]) -> Iterator[Alert]:
    """One alert per run."""
    for run in runs:
        where = _in_folders([each.name for each in run.folders])
        yield Alert(
            key=f"run {run.run_id}",
            headline=f"A run of {run.work} failed{where}.",
            sentence="What it completed is kept. Its page has the reason of each failure.",
            section=FAILED_RUN,
            run_ids=(run.run_id,),
        )


def machine_alerts(sent: Iterable[str], machines: Sequence[OrphanedMachine]) -> Iterator[Alert]:
    """One alert per machine and fate that has not been sent yet."""
    known = set(sent)
    for each in machines:
        if each.key not in known:
            yield Alert(
                key=each.key,
                headline=f"{each.id} has outlived its run.",
                sentence=f"The machine costs money: {each.fate}.",
                section=ORPHANED_MACHINE,
                run_ids=(each.run_id,),
            )


def late_alerts(was_late: bool, now: Situation, recovered: bool) -> Iterator[Alert]:
    """An alert when a reconciliation becomes overdue and, if ``recovered``, when one has ended."""
    at = datetime.fromtimestamp(now.reconciled, UTC)
    if now.late_hours and not was_late:
        yield Alert(
            key=f"late {now.reconciled:.0f}",
            headline=f"No reconciliation has ended for {counted(now.late_hours, 'hour')}.",
            sentence=f"The last one, or the first look for one, was at {at:%Y-%m-%d %H:%M} UTC.",
            section=LATE,
        )
    elif was_late and not now.late_hours and recovered:
        yield Alert(
            key=f"on time {now.reconciled:.0f}",
            headline="Reconciliations complete again.",
            sentence=f"The last one ended at {at:%Y-%m-%d %H:%M} UTC.",
            section=LATE,
        )


def _in_folders(names: Sequence[str]) -> str:
    """The number of folders and their names as ranges, limited to the first ``_MOST_WORDS``."""
    if not names:
        return ""
    words = words_for(map(Folder.parse, names))
    left = len(words) - _MOST_WORDS
    more = f" and {left:,} more" if left > 0 else ""
    return f"{in_number(len(names), ' in # folder[|s]: ')}{', '.join(words[:_MOST_WORDS])}{more}"


def runs_of(alert: Alert, by_place: Mapping[CheckPlace, str]) -> list[str]:
    """The ids of the runs that an alert is about, each once."""
    named = [*alert.run_ids, *(by_place.get(place, "") for place in alert.places)]
    return list(dict.fromkeys(filter(None, named)))
