"""Writing a copy's manifest as it goes, and reading what earlier copies wrote.

A manifest is a sequence of Parquet parts, their rows ascending by the place in order of their raw
keys: those without an escape first, see ``place_in_order``. A part is written once and never
changed; the completion record says which parts count.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from io import BytesIO
from itertools import groupby
from operator import ge, itemgetter
from typing import TYPE_CHECKING, NamedTuple

from checkout_assets.domain.copying import run_id_of
from checkout_assets.domain.keys import place_in_order
from checkout_assets.engines.copying.columns import from_column, to_column
from checkout_assets.engines.copying.verifying import Block
from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.keys import completion_record_key, manifest_part_key
from spark_jobs.contract.manifest_parts import manifest_schema, open_part, read_part, rows_of
from spark_jobs.contract.record_format import LaterFormatError, RecordError
from spark_jobs.contract.words import IN_RAW, Status
from spark_jobs.stores import Entry, NotFoundError, Store

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_PART = 10_000
SECONDS_PER_PART = 30.0
"""A killed copy forgets at most this much of what it had proved."""

ROWS_PER_GROUP = 5_000
"""Readers split a manifest into its row groups, so this is also their unit of work."""

ABANDONED_AFTER = timedelta(days=7)
"""Parts that no record names are removed by a later copy once they are this old."""


class ManifestRow(NamedTuple):
    """One object of a folder, in the order of MANIFEST_COLUMNS."""

    folder: str
    source_key: str
    raw_key: str
    kind: str
    size: int
    source_etag: str
    raw_etag: str
    last_modified: datetime
    storage_class: str
    status: str
    attempts: int
    error: str


class ManifestWriter:
    """Writes the parts of one copy of one folder."""

    def __init__(self, raw: Store, folder: str, copy_id: str) -> None:
        self._raw = raw
        self._folder = folder
        self._copy_id = copy_id
        self._rows: list[ManifestRow] = []
        self._parts: list[ManifestPart] = []
        self._started = time.monotonic()
        self._failed = False

    def add(self, row: ManifestRow) -> None:
        """Take the next row; writes a part whenever enough rows or time have gathered.

        After a part that could not be written rows only gather: ``flush`` tries once more.
        """
        self._rows.append(row)
        aged = time.monotonic() - self._started > SECONDS_PER_PART
        if (aged or len(self._rows) >= ROWS_PER_PART) and not self._failed:
            self._failed = True
            self.flush()
            self._failed = False

    def flush(self) -> list[ManifestPart]:
        """Write the rows that wait, if any, and return all parts so far."""
        if self._rows:
            data = _parquet(self._rows)
            name = f"part-{len(self._parts):05d}.parquet"
            key = manifest_part_key(self._folder, self._copy_id, name)
            self._raw.put(key, data, if_absent=True)
            digest = hashlib.sha256(data).hexdigest()
            self._parts.append(ManifestPart(name, len(data), digest, len(self._rows)))
            self._rows = []
        self._started = time.monotonic()
        return list(self._parts)


@dataclass(frozen=True, slots=True)
class RecordFound:
    """A folder's completion record and the tag a conditional write must match, if there is one.

    ``problem`` says why a record that is there cannot be used.
    """

    record: CompletionRecord | None = None
    etag: str | None = None
    problem: str = ""


def find_record(raw: Store, folder: str) -> RecordFound:
    """The folder's completion record as it is now.

    Raises LaterFormatError for one that must not be replaced by an earlier version's.
    """
    try:
        blob = raw.get(completion_record_key(folder))
    except NotFoundError:
        return RecordFound()
    try:
        record = CompletionRecord.from_json(blob.data)
    except LaterFormatError:
        raise
    except RecordError as error:
        return RecordFound(None, blob.etag, str(error))
    if record.folder != folder:
        return RecordFound(None, blob.etag, "the completion record is another folder's")
    return RecordFound(record, blob.etag)


def find_record_of_run(raw: Store, folder: str, run_id: str) -> CompletionRecord | None:
    """The folder's completion record if it proves documents and that very run made it.

    Raises LaterFormatError, see ``find_record``.
    """
    record = find_record(raw, folder).record
    if record is None or not record.documents or run_id_of(record.copy_id) != run_id:
        return None
    return record


def recorded_rows(raw: Store, record: CompletionRecord) -> Iterator[tuple[str, ManifestRow]]:
    """Every row of the manifest that a record names, by its place, part by part.

    Raises RecordError if a part is not the one named, or if its rows are not in order.
    """
    last = ""
    for part in record.parts:
        table = recorded_part(raw, record, part)
        places = _places(table, part.name, last)
        last = places[-1] if places else last
        columns = [from_column(column) for column in table.columns]
        yield from zip(places, map(ManifestRow._make, zip(*columns, strict=True)), strict=True)


def recorded_part(raw: Store, record: CompletionRecord, part: ManifestPart) -> "pa.Table":
    """A part that a record names; raises RecordError if it is not that part."""
    key = manifest_part_key(record.folder, record.copy_id, part.name)
    return rows_of(read_part(raw, key, part), part.name)


def list_parts(raw: Store, folder: str) -> list[Entry]:
    """Every manifest part of a folder that lies in raw, whichever copy wrote it."""
    entries = raw.list(f"_manifests/{folder}/")
    return [entry for entry in entries if entry.key.endswith(".parquet")]


class EarlierRow(NamedTuple):
    """What deciding needs of a row of an earlier copy; the whole row is read only if asked for."""

    raw_key: str
    source_etag: str
    raw_etag: str
    batch: "pa.RecordBatch"
    number: int

    def whole(self) -> ManifestRow:
        """The row as it was written."""
        (values,) = self.batch.slice(self.number, 1).to_pylist()
        return ManifestRow(**values)


_Placed = tuple[str, EarlierRow]


class EarlierRows:
    """Rows of earlier copies, joined by key: the recorded manifest's, and those of parts that a
    copy left which died since.

    A part that cannot be trusted is left out, and ``problems`` says so: its objects are proved
    another way or copied again.
    """

    def __init__(self, raw: Store, parts: Sequence[Entry], found: RecordFound) -> None:
        self._raw = raw
        self._parts = parts
        self._record = found.record
        self.problems: list[str] = [found.problem] if found.problem else []

    def __iter__(self) -> Iterator[tuple[str, Sequence[EarlierRow]]]:
        """Each place in order with its rows, the recorded ones first."""
        streams = [self._recorded(), *map(self._unfinished, self._unfinished_copies())]
        if len(streams) == 1:
            return ((place, (row,)) for place, row in streams[0])
        by_place = itemgetter(0)
        return (
            (place, [row for _, row in rows])
            for place, rows in groupby(merge(*streams, key=by_place), by_place)
        )

    def _recorded(self) -> Iterator[_Placed]:
        record, last = self._record, ""
        for part in record.parts if record else ():
            assert record is not None
            try:
                rows, last = _placed(recorded_part(self._raw, record, part), part.name, last)
            except RecordError as error:
                self.problems.append(str(error))
            else:
                yield from rows

    def _unfinished_copies(self) -> list[list[str]]:
        """Keys of the parts of each copy that died since the recorded one began."""
        begun = datetime.fromisoformat(self._record.listed_at) if self._record else None
        parts = [
            entry.key
            for entry in self._parts
            if (begun is None or entry.last_modified >= begun - timedelta(seconds=1))
            and (self._record is None or f"/{self._record.copy_id}/" not in entry.key)
        ]
        return [list(keys) for _, keys in groupby(parts, lambda key: key.rpartition("/")[0])]

    def _unfinished(self, keys: Iterable[str]) -> Iterator[_Placed]:
        last = ""
        for key in keys:
            name = key.rpartition("/")[2]
            try:
                rows, last = _placed(self._read(key, name), name, last)
            except (RecordError, NotFoundError) as error:
                self.problems.append(f"an unfinished copy's part cannot be used: {error}")
            else:
                yield from rows

    def _read(self, key: str, name: str) -> "pa.Table":
        return rows_of(open_part(self._raw.get(key).data, name), name)


def _placed(table: "pa.Table", name: str, last: str) -> tuple[Iterator[_Placed], str]:
    """The rows of a part that are in raw or were, by their places, and the last place.

    Raises RecordError unless all of them ascend from ``last``.
    """
    places = _places(table, name, last)
    return _earlier_rows(table), places[-1] if places else last


def _places(table: "pa.Table", name: str, last: str) -> list[str]:
    """The places of a part's rows; raises RecordError unless all of them ascend from ``last``."""
    places = list(map(place_in_order, table.column("raw_key").to_pylist()))
    if any(map(ge, [last, *places], places)):
        raise RecordError(f"the rows of the manifest part {name} are not in order")
    return places


def _earlier_rows(table: "pa.Table") -> Iterator[_Placed]:
    for batch in table.to_batches(ROWS_PER_GROUP):
        columns = [
            batch.column(column).to_pylist()
            for column in ("raw_key", "source_etag", "raw_etag", "status")
        ]
        for number, (raw_key, source_etag, raw_etag, status) in enumerate(
            zip(*columns, strict=True)
        ):
            if status != Status.FAILED:
                row = EarlierRow(raw_key, source_etag, raw_etag, batch, number)
                yield place_in_order(raw_key), row


def expected_in_raw(
    raw: Store, folder: str, copy_id: str, parts: Sequence[ManifestPart]
) -> Iterator[Block]:
    """What a listing of raw must show, as the parts just written say when they are read back.

    Raises RecordError if a part is not what was written.
    """
    for part in parts:
        key = manifest_part_key(folder, copy_id, part.name)
        table = rows_of(read_part(raw, key, part), part.name)
        for batch in table.to_batches(ROWS_PER_GROUP):
            raw_keys, sizes, etags, statuses, errors = (
                batch.column(column).to_pylist()
                for column in ("raw_key", "size", "raw_etag", "status", "error")
            )
            places = list(map(place_in_order, raw_keys))
            block = Block(places, sizes, etags)
            if not set(statuses).issubset(IN_RAW):
                kept = [
                    status in IN_RAW or (status == Status.VANISHED and not error)
                    for status, error in zip(statuses, errors, strict=True)
                ]
                block = block.where(kept)
            yield block


def abandoned(parts: Iterable[Entry], kept: set[str], now: datetime) -> list[str]:
    """Keys of the parts older than seven days of copies not in ``kept``."""
    limit = now - ABANDONED_AFTER
    return [
        part.key
        for part in parts
        if part.last_modified < limit and part.key.split("/")[2] not in kept
    ]


def _parquet(rows: list[ManifestRow]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = manifest_schema()
    columns = [
        to_column(values, kind)
        for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    sink = BytesIO()
    with pq.ParquetWriter(
        sink, schema, compression="zstd", memory_pool=pa.system_memory_pool()
    ) as writer:
        writer.write_table(table, row_group_size=ROWS_PER_GROUP)
    return sink.getvalue()
