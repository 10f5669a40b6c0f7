"""Manifest rows of earlier copies, joined by key, and manifest parts that no record names."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from checkout_assets.engines.copying.manifest import ROWS_PER_GROUP, ManifestRow
from checkout_assets.engines.copying.recorded import recorded_part
from checkout_assets.engines.copying.records import RecordFound
from spark_jobs.contract.manifest_parts import open_part, places_of, rows_of
from spark_jobs.contract.raw_keys import place_in_order
from spark_jobs.contract.record_format import RecordError
from spark_jobs.contract.words import Status
from spark_jobs.stores import Entry, NotFoundError, Store

if TYPE_CHECKING:
    import pyarrow as pa

ABANDONED_AFTER = timedelta(days=7)
"""Age at which a later copy removes manifest parts that no record names."""


def list_parts(raw: Store, folder: str) -> list[Entry]:
    """List all manifest parts of a folder in raw, whichever copy wrote them."""
    entries = raw.list(f"_manifests/{folder}/")
    return [entry for entry in entries if entry.key.endswith(".parquet")]


class EarlierRow(NamedTuple):
    """The fields of an earlier copy's row that decisions need; ``whole`` reads the full row."""

    raw_key: str
    source_etag: str
    raw_etag: str
    batch: "pa.RecordBatch"
    number: int

    def whole(self) -> ManifestRow:
        """Return the row as it was written."""
        (values,) = self.batch.slice(self.number, 1).to_pylist()
        return ManifestRow(**values)


_Placed = tuple[str, EarlierRow]


class EarlierRows:
    """Rows of earlier copies, joined by key.

    These are the rows of the recorded manifest, and of parts that an unfinished later copy left. An
    invalid part is left out and reported in ``problems``. Its objects are verified in another way
    or copied again.
    """

    def __init__(self, raw: Store, parts: Sequence[Entry], found: RecordFound) -> None:
        self._raw = raw
        self._parts = parts
        self._record = found.record
        self.problems: list[str] = [found.problem] if found.problem else []

    def __iter__(self) -> Iterator[tuple[str, Sequence[EarlierRow]]]:
        """Yield each place in order with its rows, the recorded ones first."""
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
        """Return the part keys of each unfinished copy that wrote after the recorded one began."""
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
    """Return the rows of a part whose objects are or were in raw, by place, and the last place.

    Raises RecordError unless all rows ascend from ``last``.
    """
    places = places_of(table, name, last)
    return _earlier_rows(table), places[-1] if places else last


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


def abandoned(parts: Iterable[Entry], kept: set[str], now: datetime) -> list[str]:
    """Return the keys of parts older than seven days whose copies are not in ``kept``."""
    limit = now - ABANDONED_AFTER
    return [
        part.key
        for part in parts
        if part.last_modified < limit and part.key.split("/")[2] not in kept
    ]
