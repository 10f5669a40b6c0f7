"""The verdict of a reconciliation: a folder's state, the reasons, and the map of all 512.

Pure: engines gather the evidence, the functions here judge it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, StrEnum

from checkout_assets.domain.accounting import CopyAccount, broken_equations, broken_files
from checkout_assets.domain.anomalies import (
    DEFAULT_ALLOWANCE,
    RAW_RULES,
    Finding,
    FolderAllowance,
    Severity,
    every_object_copied,
    no_source_key_twice,
    structured_rules,
)
from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.folders import ALL_FOLDERS, PREFIXES_PER_ORDER_TYPE, Folder
from checkout_assets.domain.orphans import OrphanedFile
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHING, PublicationRecord
from spark_jobs.contract.totals import StructureTotals

_FOLDERS_PER_LINE = 16


class State(StrEnum):
    """Green: complete. Yellow (flagged): complete, but unusual. Red: something is not done."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


_SQUARES = {State.GREEN: "🟩", State.YELLOW: "🟨", State.RED: "🟥"}
_NOT_LOOKED_AT = "⬜"


class Reason(Enum):
    """Why a folder is not green: the resulting state, and the sentence, with ``{n}`` counted."""

    NOT_COMPARED = (State.RED, "the folder could not be compared")
    SOURCE_IS_EMPTY = (State.RED, "the source lists no object of it up to the cut-off")
    NO_DOCUMENTS = (State.RED, "it holds no document up to the cut-off")
    FOLDER_MISSING = (State.RED, "raw holds nothing of it")
    OBJECTS_MISSING = (State.RED, "objects of the source missing in raw: {n}")
    OBJECTS_DIFFER = (
        State.RED,
        "objects in raw that are not what the source or the copy says: {n}",
    )
    NOT_COPIED = (State.RED, "no completion record proves that it was copied")
    MANIFEST_BROKEN = (State.RED, "its completion record and manifest do not agree")
    OTHER_SOURCE = (State.RED, "it was copied from another source")
    NOT_STRUCTURED = (State.RED, "it was not structured")
    PUBLISHING_UNFINISHED = (State.RED, "a run died, or works, while publishing it")
    STRUCTURED_FROM_OLDER_COPY = (State.RED, "it was structured from an older copy")
    STRUCTURED_FROM_OTHER_RAW = (State.RED, "it was structured from another raw")
    ROWS_DO_NOT_ADD_UP = (State.RED, "objects, rows and quarantine do not add up")
    ALL_DOCUMENTS_QUARANTINED = (State.RED, "all of its documents are in quarantine: {n}")
    QUARANTINE_SHARE_EXCEEDED = (State.RED, "too many documents in quarantine: {n}")
    RESCUE_SHARE_EXCEEDED = (State.RED, "too many rows with rescued values: {n}")
    SOURCE_KEYS_TWICE = (State.RED, "source keys that do not stand exactly once: {n}")
    FILES_MISSING = (State.RED, "published files missing or not as recorded: {n}")
    FILES_ORPHANED = (State.RED, "files of it in the lake that no record names: {n}")
    NEWER_OBJECTS = (State.YELLOW, "objects newer than the cut-off: {n}")
    OBJECTS_VANISHED = (State.YELLOW, "copied objects no longer at the source: {n}")
    OBJECTS_LOST = (State.YELLOW, "objects neither at the source nor in raw any more: {n}")
    MISSING_ON_SOURCE = (State.YELLOW, "objects in raw that no manifest names: {n}")
    STAGING_STALE = (State.YELLOW, "staged files older than a week: {n}")
    SCHEMA_OUTDATED = (State.YELLOW, "its rows have an older version of the schema")
    UNLIKE_SIBLINGS = (State.YELLOW, "its size is not plausible")
    FLAGGED = (State.YELLOW, "checks that warn")

    def __init__(self, state: State, sentence: str) -> None:
        self.state = state
        self.sentence = sentence

    @property
    def code(self) -> str:
        """The reason's name in documents, and its section in docs/runbook.md."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class FolderReason:
    """A reason that applies to a folder, with the number of things and, if known, their names."""

    reason: Reason
    count: int = 1
    detail: str = ""

    @property
    def sentence(self) -> str:
        """The sentence for people."""
        told = self.reason.sentence.format(n=f"{self.count:,}")
        return f"{told}: {self.detail}" if self.detail else told


@dataclass(frozen=True, slots=True)
class CopyEvidence:
    """What the listings of source and raw and the folder's manifest show, in objects.

    Without a source, ``listed`` is None and only raw and the manifest were compared.
    ``lists_documents`` says whether a document is among the listed. ``source_uri`` is that of the
    compared source, otherwise of the source that raw names. ``record`` is None if it is missing or
    broken; ``problem`` then says why. ``as_of`` is the cut-off that raw keeps. ``listed_at`` says
    when source and raw were listed, if that was not just now.
    """

    listed: int | None = None
    newer: int = 0
    raw_objects: int = 0
    missing_on_raw: int = 0
    differ: int = 0
    missing_on_source: int = 0
    vanished: int = 0
    record: CompletionRecord | None = None
    facts: CopyFacts = field(default_factory=CopyFacts)
    problem: str = ""
    lists_documents: bool = True
    source_uri: str = ""
    raw_uri: str = ""
    as_of: str = ""
    listed_at: datetime | None = None

    @property
    def earlier_day(self) -> str:
        """The day, in UTC, of an earlier listing; empty if the listing was made just now."""
        return f"{self.listed_at.astimezone(UTC):%Y-%m-%d}" if self.listed_at else ""

    @property
    def other_source(self) -> str:
        """The source that the folder was copied from, if that is not the compared one."""
        copied_from = self.record.source_uri if self.record else ""
        return copied_from if self.source_uri and copied_from != self.source_uri else ""

    @property
    def without_documents(self) -> bool:
        """Whether the source, or what was copied of it, holds no documents but other objects."""
        recorded = self.record is None or self.record.documents > 0
        return not recorded or not (self.listed is None or self.lists_documents)


@dataclass(frozen=True, slots=True)
class LakeEvidence:
    """What the lake's listing and the folder's publication record show, in files.

    ``read_deep`` says whether the recorded files were also read completely. ``schema_version`` is
    the tables' current one; empty if it is not known here.
    """

    record: PublicationRecord | None = None
    problem: str = ""
    files_missing: int = 0
    orphans: tuple[OrphanedFile, ...] = ()
    stale_staging: int = 0
    read_deep: bool = False
    schema_version: str = ""

    @property
    def outdated_schema(self) -> str:
        """The schema version of the folder's rows, if that is not the current one."""
        version = self.record.schema_version if self.record else ""
        return version if self.schema_version and version != self.schema_version else ""


@dataclass(frozen=True, slots=True)
class FolderReconciled:
    """The verdict on a folder; ``flags`` are the checks that warn of it.

    ``findings`` are all its checks, judged again by its records.
    """

    folder: Folder
    causes: Sequence[FolderReason] = ()
    flags: Sequence[str] = ()
    copy: CopyEvidence = field(default_factory=CopyEvidence)
    lake: LakeEvidence = field(default_factory=LakeEvidence)
    findings: Sequence[Finding] = ()

    @property
    def state(self) -> State:
        """The worst state of its causes."""
        states = {cause.reason.state for cause in self.causes}
        return next((s for s in (State.RED, State.YELLOW) if s in states), State.GREEN)

    @property
    def reasons(self) -> frozenset[Reason]:
        """The reasons why it is not green."""
        return frozenset(cause.reason for cause in self.causes)

    @property
    def ok(self) -> bool:
        """Whether the folder is complete."""
        return self.state is not State.RED

    @property
    def rows(self) -> int:
        """The number of table rows that its publication record names."""
        totals = self.lake.record.totals if self.lake.record else None
        return totals.table_rows if totals else 0

    @property
    def error(self) -> str:
        """One sentence that says what is not done; empty if everything is."""
        red = [cause.sentence for cause in self.causes if cause.reason.state is State.RED]
        return f"{self.folder}: {'; '.join(red)}." if red else ""


def judge(
    folder: Folder,
    copy: CopyEvidence,
    lake: LakeEvidence,
    allowance: FolderAllowance = DEFAULT_ALLOWANCE,
) -> FolderReconciled:
    """Judge the folder: its state with every reason for it."""
    findings = _findings(copy, lake, allowance)
    flags = _flags(findings)
    causes = [*_of_copy(copy), *_of_lake(copy, lake), *_of_allowance(lake, allowance)]
    if flags:
        causes.append(FolderReason(Reason.FLAGGED, len(flags), ", ".join(flags)))
    return FolderReconciled(folder, tuple(causes), flags, copy, lake, findings)


def not_compared(folder: Folder, why: str) -> FolderReconciled:
    """Return a folder that could not be compared, which is never green."""
    return FolderReconciled(folder, (FolderReason(Reason.NOT_COMPARED, detail=why),))


def _of_copy(copy: CopyEvidence) -> list[FolderReason]:
    causes = []
    if copy.listed == 0:
        causes.append(FolderReason(Reason.SOURCE_IS_EMPTY))
    elif copy.without_documents:
        causes.append(FolderReason(Reason.NO_DOCUMENTS))
    if copy.record is None:
        if not copy.raw_objects:
            causes.append(FolderReason(Reason.FOLDER_MISSING))
        broken = FolderReason(Reason.MANIFEST_BROKEN, detail=copy.problem)
        causes.append(broken if copy.problem else FolderReason(Reason.NOT_COPIED))
    if copy.other_source:
        causes.append(FolderReason(Reason.OTHER_SOURCE, detail=displayable(copy.other_source)))
    causes += _counted(
        (Reason.OBJECTS_MISSING, copy.missing_on_raw),
        (Reason.OBJECTS_DIFFER, copy.differ),
        (Reason.NEWER_OBJECTS, copy.newer),
        (Reason.OBJECTS_VANISHED, copy.vanished),
        (Reason.OBJECTS_LOST, copy.facts.lost),
        (Reason.MISSING_ON_SOURCE, copy.missing_on_source),
    )
    return causes


def _of_lake(copy: CopyEvidence, lake: LakeEvidence) -> list[FolderReason]:
    causes = _counted(
        (Reason.FILES_MISSING, lake.files_missing),
        (Reason.FILES_ORPHANED, len(lake.orphans)),
        (Reason.STAGING_STALE, lake.stale_staging),
    )
    if lake.record is None:
        return [FolderReason(Reason.NOT_STRUCTURED, detail=lake.problem), *causes]
    if lake.record.state == PUBLISHING:
        return [FolderReason(Reason.PUBLISHING_UNFINISHED), *causes]
    if lake.outdated_schema:
        told = f"{displayable(lake.outdated_schema)}, now {lake.schema_version}"
        causes.append(FolderReason(Reason.SCHEMA_OUTDATED, detail=told))
    current = copy.record is not None and copy.record.digest == lake.record.digest
    if copy.record is not None and not current:
        causes.insert(0, _of_another_copy(copy, lake.record))
    account = CopyAccount.of(copy.facts) if current else None
    if found := _of_source_keys(lake.record.totals):
        causes.insert(0, found)
    broken = [*broken_equations(account, lake.record.totals), *broken_files(lake.record)]
    if broken:
        causes.insert(0, FolderReason(Reason.ROWS_DO_NOT_ADD_UP, len(broken), " ".join(broken)))
    return causes


def _of_source_keys(totals: StructureTotals) -> FolderReason | None:
    found = no_source_key_twice(totals)
    if found.passed:
        return None
    differ = abs(found.counts["rows"] - found.counts["source_keys"])
    return FolderReason(Reason.SOURCE_KEYS_TWICE, differ, found.summary.rstrip("."))


def _of_another_copy(copy: CopyEvidence, record: PublicationRecord) -> FolderReason:
    """Return the reason why the structured rows are not of the copy that raw holds."""
    if copy.raw_uri and record.raw_uri not in {"", copy.raw_uri}:
        return FolderReason(Reason.STRUCTURED_FROM_OTHER_RAW, detail=displayable(record.raw_uri))
    return FolderReason(Reason.STRUCTURED_FROM_OLDER_COPY)


def _of_allowance(lake: LakeEvidence, allowance: FolderAllowance) -> list[FolderReason]:
    if lake.record is None:
        return []
    totals = lake.record.totals
    quarantined = totals.quarantined_documents
    if totals.all_quarantined:
        return [FolderReason(Reason.ALL_DOCUMENTS_QUARANTINED, quarantined)]
    judged = (
        (
            Reason.QUARANTINE_SHARE_EXCEEDED,
            quarantined,
            allowance.quarantine_share_acceptable(totals),
        ),
        (
            Reason.RESCUE_SHARE_EXCEEDED,
            totals.rescued_rows,
            allowance.rescue_share_acceptable(totals),
        ),
    )
    return [
        FolderReason(reason, count, found.summary.rstrip("."))
        for reason, count, found in judged
        if not found.passed
    ]


def _counted(*counts: tuple[Reason, int]) -> list[FolderReason]:
    return [FolderReason(reason, count) for reason, count in counts if count]


def _findings(
    copy: CopyEvidence, lake: LakeEvidence, allowance: FolderAllowance
) -> tuple[Finding, ...]:
    """Return the result of every check on the folder's records; a missing record is not judged."""
    findings: list[Finding] = []
    if copy.record is not None:
        findings += [_dated(rule.judge(copy.facts), copy) for rule in RAW_RULES]
    if lake.record is not None:
        findings += [rule.judge(lake.record.totals) for rule in structured_rules(allowance)]
    return tuple(findings)


def _dated(finding: Finding, copy: CopyEvidence) -> Finding:
    """Return the finding; its sentence says so if it is based on an earlier listing."""
    if not copy.earlier_day or finding.rule != every_object_copied.__name__:
        return finding
    return replace(finding, summary=f"{finding.summary} Last listed on {copy.earlier_day}.")


def _flags(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(
        found.rule for found in findings if found.severity is Severity.WARN and not found.passed
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """The totals of all reconciled folders; ``quarantined`` by reason."""

    asked: int
    complete: int
    red: tuple[FolderReconciled, ...]
    yellow: tuple[FolderReconciled, ...]
    objects: int
    total_bytes: int
    rows: int
    quarantined: dict[str, int]
    nested: int
    rescued_values: int
    escaped: int
    read_deep: tuple[Folder, ...] = ()

    @classmethod
    def of(cls, results: Iterable[FolderReconciled]) -> "Summary":
        """Add up the folders, each counted by its records."""
        folders = sorted(results, key=lambda result: result.folder)
        totals = [each.lake.record.totals for each in folders if each.lake.record is not None]
        quarantined: Counter[str] = Counter()
        for each in totals:
            quarantined.update(each.quarantined)
        return cls(
            asked=len(folders),
            complete=sum(each.ok for each in folders),
            red=tuple(each for each in folders if each.state is State.RED),
            yellow=tuple(each for each in folders if each.state is State.YELLOW),
            objects=sum(each.copy.facts.in_raw for each in folders),
            total_bytes=sum(each.copy.facts.total_bytes for each in folders),
            rows=sum(each.rows for each in folders),
            quarantined=dict(quarantined),
            nested=sum(each.nested for each in totals),
            rescued_values=sum(each.rescued_values for each in totals),
            escaped=sum(each.copy.facts.escaped for each in folders),
            read_deep=tuple(each.folder for each in folders if each.lake.read_deep),
        )


def heat_map(states: Mapping[Folder, State], order_type: OrderType) -> str:
    """Draw 16 lines of 16 squares, 00 top left and FF bottom right; white was not compared."""
    first = list(OrderType).index(order_type) * PREFIXES_PER_ORDER_TYPE
    folders = ALL_FOLDERS[first : first + PREFIXES_PER_ORDER_TYPE]
    squares = [
        _SQUARES[states[folder]] if folder in states else _NOT_LOOKED_AT for folder in folders
    ]
    lines = range(0, PREFIXES_PER_ORDER_TYPE, _FOLDERS_PER_LINE)
    return "\n".join("".join(squares[start : start + _FOLDERS_PER_LINE]) for start in lines)
