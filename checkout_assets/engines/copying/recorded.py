"""Read back what a completion record names: its manifest's rows, and what raw must hold."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from checkout_assets.engines.copying.columns import from_column
from checkout_assets.engines.copying.manifest import ROWS_PER_GROUP, ManifestRow
from checkout_assets.engines.copying.verifying import Block
from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.keys import manifest_part_key
from spark_jobs.contract.manifest_parts import places_of, read_part, rows_of
from spark_jobs.contract.raw_keys import place_in_order
from spark_jobs.contract.words import IN_RAW, Status
from spark_jobs.stores import Store

if TYPE_CHECKING:
    import pyarrow as pa


def recorded_rows(raw: Store, record: CompletionRecord) -> Iterator[tuple[str, ManifestRow]]:
    """Yield every row of the manifest that a record names, by its place, part by part.

    Raises RecordError if a part is not the named one, or if its rows are not in order.
    """
    last = ""
    for part in record.parts:
        table = recorded_part(raw, record, part)
        places = places_of(table, part.name, last)
        last = places[-1] if places else last
        columns = [from_column(column) for column in table.columns]
        yield from zip(places, map(ManifestRow._make, zip(*columns, strict=True)), strict=True)


def recorded_part(raw: Store, record: CompletionRecord, part: ManifestPart) -> "pa.Table":
    """Return a part that a record names; raises RecordError if it is not that part."""
    key = manifest_part_key(record.folder, record.copy_id, part.name)
    return rows_of(read_part(raw, key, part), part.name)


def expected_in_raw(
    raw: Store, folder: str, copy_id: str, parts: Sequence[ManifestPart]
) -> Iterator[Block]:
    """Yield what a listing of raw must show, according to the parts just written and read back.

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
