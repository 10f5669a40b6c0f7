"""The outcome of one reconciliation as a small record: totals, and the folders not green."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, ClassVar

from checkout_assets.domain.anomalies import Severity
from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.displayable import displayable, masked
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import FOLDER_NAMES, Folder, select_folders, words_for
from checkout_assets.domain.reconciliation import FolderReconciled, Reason, State, Summary
from checkout_assets.domain.reporting.analysts_tables import ReportedTable, reported_table
from checkout_assets.domain.reporting.states import StateName
from spark_jobs.contract.record_format import Instant, TextForm


def _is_word(text: str) -> bool:
    """Whether a text names a folder or a range of them."""
    try:
        return bool(select_folders([text]))
    except UsageError:
        return False


def _is_day(text: str) -> bool:
    """Whether a text is a day, such as 2026-11-27."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


FolderName = Annotated[str, TextForm(lambda text: text in FOLDER_NAMES, "folder")]
FolderWord = Annotated[str, TextForm(_is_word, "folder or range of folders")]
Day = Annotated[str, TextForm(_is_day, "day")]


@dataclass(frozen=True)
class Line:
    """One reason or warning of a folder.

    ``name`` is a reason's code or a check's name, and its section in docs/runbook.md.
    """

    name: str
    state: StateName
    sentence: str
    count: int


@dataclass(frozen=True)
class ReportedFolder:
    """A red or yellow folder with all reasons, the red ones first."""

    folder: FolderName
    state: StateName
    lines: list[Line] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """All its lines as one text."""
        return " ".join(line.sentence for line in self.lines)

    @property
    def count(self) -> int:
        """The count of its first line."""
        return self.lines[0].count if self.lines else 0


@dataclass(frozen=True)
class ReconciliationOutcome:
    """The outcome of a reconciliation.

    ``folders`` are those that are not green: red ones first, then those whose reasons are shared by
    the fewest folders. ``listed`` is the number of objects that the source listed, by folder.
    """

    WHAT: ClassVar[str] = "record of a reconciliation"
    FORMAT_VERSION: ClassVar[int] = 1

    at: Instant
    run_id: str
    with_source: bool
    asked: int
    complete: int
    objects: int
    total_bytes: int
    rows: int
    quarantined: int
    nested: int
    rescued_values: int
    folders: list[ReportedFolder] = field(default_factory=list)
    listed: dict[FolderName, int] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    """Unexpected entries beside the folders: displayable folder names, masked object names."""
    read_deep: list[str] = field(default_factory=list)
    """Folders and ranges of folders whose data files were read completely."""
    listed_earlier: dict[Day, list[FolderWord]] = field(default_factory=dict)
    """Folders and ranges of folders that were not listed now, by the day of their last listing."""
    analysts_tables: list[ReportedTable] = field(default_factory=list)
    """Both analysts' tables; earlier records have none."""

    @property
    def instant(self) -> datetime:
        """The time of the reconciliation."""
        return datetime.fromisoformat(self.at)

    @property
    def red(self) -> int:
        """The number of red folders."""
        return self._in(State.RED)

    @property
    def yellow(self) -> int:
        """The number of yellow folders."""
        return self._in(State.YELLOW)

    @property
    def is_complete(self) -> bool:
        """Whether all 512 folders were compared and are complete."""
        return self.complete == len(FOLDER_NAMES)

    @property
    def red_tables(self) -> list[ReportedTable]:
        """The analysts' tables that are red."""
        return [each for each in self.analysts_tables if each.state == State.RED]

    @property
    def succeeded(self) -> bool:
        """Whether all folders are complete, and no analysts' table is red."""
        return self.is_complete and not self.red_tables

    def _in(self, state: State) -> int:
        return sum(each.state == state for each in self.folders)


def outcome_of(  # noqa: PLR0913 - what was compared, when, and by whom
    folders: Iterable[FolderReconciled],
    summary: Summary,
    unexpected: Iterable[str],
    *,
    tables: Iterable[TableCompared] = (),
    at: datetime,
    run_id: str,
    with_source: bool,
) -> ReconciliationOutcome:
    """The outcome of comparing these folders."""
    compared = sorted(folders, key=lambda each: each.folder)
    return ReconciliationOutcome(
        at=at.isoformat(),
        run_id=run_id,
        with_source=with_source,
        asked=summary.asked,
        complete=summary.complete,
        objects=summary.objects,
        total_bytes=summary.total_bytes,
        rows=summary.rows,
        quarantined=sum(summary.quarantined.values()),
        nested=summary.nested,
        rescued_values=summary.rescued_values,
        folders=_most_telling_first([_told(each) for each in compared]),
        listed={
            each.folder.name: each.copy.listed
            for each in compared
            if each.copy.listed is not None and each.copy.listed_at is None
        },
        unexpected=[unexpected_name(name) for name in unexpected],
        read_deep=list(words_for(summary.read_deep)),
        listed_earlier=_by_earlier_day(compared),
        analysts_tables=list(map(reported_table, tables)),
    )


def _by_earlier_day(folders: Iterable[FolderReconciled]) -> dict[str, list[str]]:
    by_day: dict[str, list[Folder]] = {}
    for each in folders:
        if each.copy.earlier_day:
            by_day.setdefault(each.copy.earlier_day, []).append(each.folder)
    return {day: list(words_for(found)) for day, found in sorted(by_day.items())}


def last_listed(history: Iterable[ReconciliationOutcome]) -> dict[str, int]:
    """Objects per folder in the source's last listing of each; ``history`` is oldest first."""
    listed: dict[str, int] = {}
    for earlier in history:
        listed |= earlier.listed
    return listed


def _most_telling_first(folders: Sequence[ReportedFolder]) -> list[ReportedFolder]:
    """The folders that are not green, in the order of ReconciliationOutcome."""
    sharing = Counter(line.name for each in folders for line in each.lines)
    return sorted(
        (each for each in folders if each.lines),
        key=lambda each: (each.state != State.RED, min(sharing[line.name] for line in each.lines)),
    )


def lines_of(folder: FolderReconciled) -> list[Line]:
    """The lines of a folder: its reasons, with each warning check in place of FLAGGED."""
    warnings = [
        Line(each.rule, State.YELLOW.value, each.summary, each.count)
        for each in folder.findings
        if not each.passed and each.severity is Severity.WARN
    ]
    causes = [
        Line(each.reason.code, each.reason.state.value, _as_sentence(each.sentence), each.count)
        for each in folder.causes
        if not (each.reason is Reason.FLAGGED and warnings)
    ]
    return sorted([*causes, *warnings], key=lambda line: line.state != State.RED)


def unexpected_name(name: str) -> str:
    """The displayable or masked name of an unexpected entry beside the folders."""
    return displayable(name) if name.endswith("/") else masked(name)


def _told(folder: FolderReconciled) -> ReportedFolder:
    return ReportedFolder(folder.folder.name, folder.state.value, lines_of(folder))


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def by_name(folders: Sequence[ReportedFolder]) -> dict[str, ReportedFolder]:
    """The folders by their names."""
    return {each.folder: each for each in folders}
