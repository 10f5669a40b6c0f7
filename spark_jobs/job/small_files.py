"""Small Parquet files, written with few of their columns, and the others added to the bytes.

pyarrow spends 30 to 50 microseconds on each column of a file, whether it has values or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Collection, Dict, Optional, Sequence, Union

from spark_jobs.conforming import table_from_lines
from spark_jobs.footers import SmallFile, taken_apart, widened
from spark_jobs.job.thin_tables import ThinReader, ThinTable

if TYPE_CHECKING:
    import pyarrow as pa

Codec = Union[str, Dict[str, str]]
"""The codec of all leaf columns, or of those to compress, by path: all of them have values."""

Write = Callable[["pa.Table", Codec], bytes]


class SmallFiles:
    """Writes one table's small files: the same bytes as ``write`` returns, for half the CPU.

    Whether they are the same is up to pyarrow's version, so the first file of a process is written
    both ways. If they differ, this one and all others are written by ``write`` alone. The top-level
    columns ``kept`` are those that may have statistics.
    """

    def __init__(self, table: str, kept: Collection[str], write: Write) -> None:
        self._table = table
        self._write = write
        self._reader = ThinReader(table, kept)
        self._whole: Optional[SmallFile] = None
        self._last: Optional[SmallFile] = None
        self._is_tried = False

    def read(self, lines: Sequence[bytes]) -> ThinTable:
        """Return the rows of these lines, for some files."""
        return self._reader.read(lines)

    def file_of(self, lines: Sequence[bytes], thin: ThinTable, codec: Codec) -> bytes:
        """Return the file of these lines, whose rows ``thin`` has."""
        if not self._is_tried:
            return self._tried(lines, thin, codec)
        return self._widened(thin, codec) or self._written(lines, codec)

    def _tried(self, lines: Sequence[bytes], thin: ThinTable, codec: Codec) -> bytes:
        data = self._written(lines, codec)
        model = taken_apart(data)
        self._whole = model if model is not None and model.is_model() else None
        if self._widened(thin, codec) != data:
            self._whole = None
        self._is_tried = True
        return data

    def _written(self, lines: Sequence[bytes], codec: Codec) -> bytes:
        return self._write(table_from_lines(self._table, lines), codec)

    def _widened(self, thin: ThinTable, codec: Codec) -> Optional[bytes]:
        if self._whole is None:
            return None
        self._last = taken_apart(self._write(thin.rows, codec), self._last)
        return self._last and widened(self._last, self._whole, thin.sources)
