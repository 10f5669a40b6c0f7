"""What changed between two reconciliations."""

from dataclasses import dataclass

from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.domain.reconciliation import State
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, ReportedFolder, by_name


@dataclass(frozen=True, slots=True)
class FolderChange:
    """A folder whose state or reasons have changed."""

    folder: str
    before: str
    now: str
    sentence: str

    @property
    def is_worse(self) -> bool:
        """Whether its state is worse than before."""
        return _RANK[self.now] > _RANK[self.before]


@dataclass(frozen=True, slots=True)
class TableChange:
    """An analysts' table whose state has changed."""

    table: str
    before: str
    now: str


_RANK = {state.value: rank for rank, state in enumerate(State)}
"""Green 0, yellow 1, red 2."""


def changes(before: ReconciliationOutcome, now: ReconciliationOutcome) -> list[FolderChange]:
    """The folders that changed, those that got worse first."""
    earlier, later = by_name(before.folders), by_name(now.folders)
    found = [
        _change(name, earlier.get(name), later.get(name))
        for name in FOLDER_NAMES
        if _judged(earlier.get(name)) != _judged(later.get(name))
    ]
    return sorted(found, key=lambda change: not change.is_worse)


def table_changes(before: ReconciliationOutcome, now: ReconciliationOutcome) -> list[TableChange]:
    """The analysts' tables whose state changed; none if the earlier record has no tables."""
    earlier = {each.table: each.state for each in before.analysts_tables}
    return [
        TableChange(each.table, earlier[each.table], each.state)
        for each in now.analysts_tables
        if earlier.get(each.table, each.state) != each.state
    ]


def _judged(folder: ReportedFolder | None) -> tuple[str, frozenset[str]]:
    """State and reasons, without counts, which change every day."""
    if folder is None:
        return State.GREEN.value, frozenset()
    return folder.state, frozenset(line.name for line in folder.lines)


def _change(name: str, before: ReportedFolder | None, now: ReportedFolder | None) -> FolderChange:
    return FolderChange(
        name,
        before.state if before else State.GREEN.value,
        now.state if now else State.GREEN.value,
        now.sentence if now else "It is green now.",
    )
