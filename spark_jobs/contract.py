"""What the platform and the Spark job tell each other: records, paths and column names.

Pure standard library, so that both sides may import it. All keys are relative to a store's root.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Annotated, Any, ClassVar, Dict, Iterable, List, Optional, Tuple

from spark_jobs.record_format import (
    Instant,
    Path,
    RecordError,
    Rule,
    read_record,
    write_record,
)

MANIFEST_COLUMNS: Tuple[Tuple[str, str], ...] = (
    ("folder", "string"),
    ("source_key", "string"),
    ("raw_key", "string"),
    ("kind", "string"),
    ("size", "int64"),
    ("source_etag", "string"),
    ("raw_etag", "string"),
    ("last_modified", "timestamp[us, UTC]"),
    ("storage_class", "string"),
    ("status", "string"),
    ("attempts", "int32"),
    ("error", "string"),
)
"""Columns of a manifest part and their Arrow types, in file order."""

QUARANTINE_COLUMNS: Tuple[Tuple[str, str], ...] = (
    ("source_key", "string"),
    ("raw_key", "string"),
    ("kind", "string"),
    ("reason", "string"),
    ("detail", "string"),
    ("size", "int64"),
    ("source_etag", "string"),
    ("body", "binary"),
)
"""Columns of a quarantine file and their Arrow types, in file order."""

TABLES: Dict[str, str] = {"CheckoutOrder": "checkout", "FulfillmentOrder": "fulfillment"}
"""Order type, as folder names spell it, to table name."""

IN_RAW: Tuple[str, str] = ("copied", "present")
"""The manifest's statuses of objects that are in raw."""

DOCUMENT = "document"
"""The manifest's kind of objects that become rows or quarantined documents."""

VANISHED = "vanished"
"""The manifest's status of objects that an earlier copy saw and the source no longer has."""

KEEP, DROP_ROWS = "keep", "drop_rows"
"""What becomes of the rows of vanished documents: they stay in the table, or they go."""

NESTED_REASON = "nested_under_id"
"""Why a nested object is in quarantine: it is no order, whatever its bytes say."""

TOO_LARGE = "too_large"
"""Why an object is in quarantine that is larger, or would unpack to more, than the limit."""

LARGEST_BODY_BYTES = 1024 * 1024 * 1024
"""The limit unless a setting lowers it; Arrow and Parquet hold no value of 2 GiB."""

KEPT_BYTES = 1024 * 1024
"""So many of the first bytes of an object above the limit are in quarantine; raw holds it all."""

CUT_DETAIL = "size"
"""How the detail of an object begins that is not read whole."""


PROBES_IN_RAW, PROBES_IN_LAKE = "_manifests/_probe/", "_staging/_probe/"
"""Where a run proves that conditional writes are honoured; nobody looks for data there."""


def table_of(folder: str) -> str:
    """The table a folder's documents go to: ``00_CheckoutOrder`` -> ``checkout``."""
    return TABLES[folder.split("_", 1)[1]]


def completion_record_key(folder: str) -> str:
    """Where raw says that a folder was copied."""
    return f"_manifests/{folder}/current.json"


def manifest_part_key(folder: str, copy_id: str, name: str) -> str:
    """Where a part of a copy's manifest lies in raw."""
    return f"_manifests/{folder}/{copy_id}/{name}"


def publication_record_key(folder: str) -> str:
    """Where the lake says which files are a folder's."""
    return f"_published/{folder}.json"


def staging_prefix(folder: str, run_id: str) -> str:
    """Where a run keeps a folder's files until they are published; ends in a slash."""
    return f"_staging/{folder}/{run_id}/"


def staged_key(folder: str, run_id: str, final_key: str) -> str:
    """Where a file lies before it is published under ``final_key``."""
    return staging_prefix(folder, run_id) + final_key


def table_prefix(table: str) -> str:
    """Where a table lies in the lake; ends in a slash."""
    return f"consumable_tables/{table}/"


def table_file_key(folder: str, day: str, run_id: str, number: int) -> str:
    """The final key of a table file of that ``YYYY-MM-DD``."""
    year, month, day_of_month = day.split("-")
    return (
        f"{table_prefix(table_of(folder))}YEAR={year}/MONTH={month}/DAY={day_of_month}/"
        f"{folder}.{run_id}.{number}.parquet"
    )


def quarantine_prefix(folder: str) -> str:
    """Where a folder's quarantine lies in the lake; ends in a slash."""
    return f"quarantine/{table_of(folder)}/{folder}/"


def quarantine_file_key(folder: str, run_id: str, number: int, part: int = 0) -> str:
    """The final key of a quarantine file: of a slice, or of a part of one that was too large."""
    counted = f"{number}.{part}" if part else str(number)
    return f"{quarantine_prefix(folder)}{run_id}.{counted}.parquet"


def result_key(folder: str, run_id: str) -> str:
    """Where a step leaves how structuring a folder ended."""
    return f"_results/{run_id}/{folder}.json"


@dataclass(frozen=True)
class ManifestPart:
    """One file of a manifest: its name, size in bytes, SHA-256 in hex, and rows."""

    name: Path
    size: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class CompletionRecord:
    """The proof that a folder was copied; it exists if and only if that is so.

    ``listed`` counts the source's objects up to the cut-off, ``by_kind`` the objects in raw,
    ``by_status`` all rows of the manifest (``vanished`` among them), ``newer`` objects after the
    cut-off, ``missing_on_source`` raw objects no manifest names, ``lost`` vanished objects that
    are gone from raw too, ``uncompared`` objects that the copy copied and could compare by size
    only; ``total_bytes`` are those of the objects in raw. ``digest`` is order-independent over
    (raw_key, raw_etag, size) of copied and present objects. ``source_uri`` and ``raw_uri`` say
    between which places; empty in records of before.
    """

    WHAT: ClassVar[str] = "completion record"
    FORMAT_VERSION: ClassVar[int] = 1

    folder: Path
    copy_id: Path
    as_of: Instant
    listed_at: Instant
    parts: List[ManifestPart]
    by_kind: Dict[str, int]
    by_status: Dict[str, int]
    total_bytes: int
    digest: str
    listed: int = 0
    escaped: int = 0
    near_misses: int = 0
    newer: int = 0
    missing_on_source: int = 0
    lost: int = 0
    uncompared: int = 0
    source_uri: str = ""
    raw_uri: str = ""

    @property
    def objects(self) -> int:
        """Objects in raw that this record vouches for."""
        return sum(self.by_status.get(status, 0) for status in IN_RAW)

    @property
    def documents(self) -> int:
        """Documents among them; without one, a record proves nothing complete."""
        return self.by_kind.get(DOCUMENT, 0)

    def to_json(self) -> bytes:
        """The record's file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> CompletionRecord:
        """Raises RecordError if ``data`` is none, or a later version wrote it."""
        return read_record(cls, data)


@dataclass(frozen=True)
class PublishedFile:
    """A file of a folder in the lake: key, size in bytes, rows."""

    path: Path
    size: int
    rows: int


@dataclass(frozen=True)
class StructureTotals:
    """What became of a folder's objects; documents = rows + the sum of ``quarantined``.

    Objects that vanished from the source stand outside these sums: ``vanished_rows`` and
    ``vanished_quarantined`` count what is kept of them. ``redacted`` counts dropped members by
    path, ``cleaned`` members that the cleanings removed by path; ``emptied`` empty texts that
    became null; ``total_bytes`` what was read; ``decoded`` documents that were not plain UTF-8, by
    form; ``nested_too_large`` those of ``nested`` that are above the limit; ``dated_by_creation``
    rows whose day is that of CreationDate, because LastChange has none; ``card_numbers`` what may
    be card numbers outside payments, by column.
    """

    documents: int = 0
    nested: int = 0
    side: int = 0
    rows: int = 0
    quarantined: Dict[str, int] = field(default_factory=dict)
    rescued_rows: int = 0
    rescued_values: int = 0
    redacted: Dict[str, int] = field(default_factory=dict)
    emptied: int = 0
    vanished_rows: int = 0
    vanished_quarantined: int = 0
    total_bytes: int = 0
    decoded: Dict[str, int] = field(default_factory=dict)
    nested_too_large: int = 0
    cleaned: Dict[str, int] = field(default_factory=dict)
    dated_by_creation: int = 0
    card_numbers: Dict[str, int] = field(default_factory=dict)

    @property
    def quarantined_documents(self) -> int:
        """Documents that became no row; nested objects are not among them."""
        return sum(self.quarantined.values())

    @property
    def all_quarantined(self) -> bool:
        """Whether there are documents and not one of them is a row, which is never a success."""
        return self.documents > 0 and not self.rows

    def plus(self, other: StructureTotals) -> StructureTotals:
        """Both together."""
        return StructureTotals(
            **{
                each.name: _sum(getattr(self, each.name), getattr(other, each.name))
                for each in fields_of(self)
            }
        )


PUBLISHING = "publishing"
PUBLISHED = "published"
State = Annotated[str, Rule(lambda text: text in {PUBLISHING, PUBLISHED}, "known state")]


@dataclass(frozen=True)
class PublicationRecord:
    """Which files of the lake are a folder's.

    While ``state`` is ``publishing``, ``previous`` names the files to delete once ``files`` are
    under their final names; whoever finds that state finishes it first. ``raw_uri`` says which raw
    the rows were made from; empty in records of before.
    """

    WHAT: ClassVar[str] = "publication record"
    FORMAT_VERSION: ClassVar[int] = 1

    folder: Path
    run_id: Path
    state: State
    copy_id: str
    digest: str
    schema_version: str
    files: List[PublishedFile]
    quarantine: List[PublishedFile]
    previous: List[Path]
    totals: StructureTotals
    raw_uri: str = ""

    @property
    def all_files(self) -> List[PublishedFile]:
        """Table and quarantine files."""
        return self.files + self.quarantine

    def to_json(self) -> bytes:
        """The record's file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> PublicationRecord:
        """Raises RecordError if ``data`` is none, or a later version wrote it."""
        record = read_record(cls, data)
        named = [*(file.path for file in record.all_files), *record.previous]
        if not all(_is_of(record.folder, path) for path in named):
            raise RecordError("the publication record names files that are not its folder's")
        return record


@dataclass(frozen=True)
class Failure:
    """Why a folder was given up, for whoever decides whether to try it again.

    ``code`` is the name that a service, a library or the machine gave it (see service_codes), or a
    word of this program's; it is for decisions and counts, the sentence beside it is for people.
    ``transient``: the same work may succeed later, although it has been tried again already.
    """

    code: str
    transient: bool = False

    @classmethod
    def of(cls, code: str, others: Iterable[Failure] = ()) -> Failure:
        """The failure that several come to: transient only if each of them is."""
        return cls(code, all(other.transient for other in others))


@dataclass(frozen=True)
class FolderStructured:
    """How structuring one folder ended: with totals, or with a sentence in ``error``."""

    WHAT: ClassVar[str] = "result"
    FORMAT_VERSION: ClassVar[int] = 1

    folder: Path
    run_id: Path
    totals: StructureTotals
    files: int = 0
    seconds: float = 0.0
    error: str = ""
    failure: Optional[Failure] = None
    """None if it did not fail, or if a version before there were failures wrote it."""

    @property
    def ok(self) -> bool:
        """Whether the folder's rows are published."""
        return not self.error

    @classmethod
    def of(cls, record: PublicationRecord) -> FolderStructured:
        """The result that a finished publication stands for.

        It is a failure if not one document became a row: the publication keeps the quarantine
        readable.
        """
        totals, error, failure = record.totals, "", None
        if totals.all_quarantined:
            failure = Failure("AllQuarantined")
            error = (
                f"{record.folder}: {totals.documents} of {totals.documents} documents are in "
                f"quarantine ({', '.join(sorted(totals.quarantined))}), so the folder is not "
                "structured. See docs/runbook.md#all_documents_quarantined."
            )
        return cls(
            record.folder, record.run_id, totals, len(record.files), error=error, failure=failure
        )

    def to_json(self) -> bytes:
        """The small result file a step writes."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> FolderStructured:
        """Raises RecordError if ``data`` is none, or a later version wrote it."""
        return read_record(cls, data)


def _is_of(folder: str, path: str) -> bool:
    """Whether a file may be the folder's: what a record names is replaced and deleted."""
    table = TABLES.get(folder.partition("_")[2], "")
    in_table = path.startswith(table_prefix(table))
    return bool(table) and (
        (in_table and path.rpartition("/")[2].startswith(f"{folder}."))
        or path.startswith(quarantine_prefix(folder))
    )


def _sum(one: Any, other: Any) -> Any:
    """Two counts together, or two sets of counts name by name."""
    if isinstance(one, dict):
        return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
    return one + other
