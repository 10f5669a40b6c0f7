"""Convert columns of a manifest part to and from Python values, without ``pyarrow.array``.

``pyarrow.array`` imports pandas if it is installed, which costs 50 MB and a second. It is also
slower for long lists of plain values.
"""

from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_column(values: Sequence[Any], kind: "pa.DataType") -> "pa.Array":
    """Return the values as an Arrow array of a manifest's type; none of them may be None."""
    return _MAKERS[str(kind)](values, kind)


def from_column(column: "pa.ChunkedArray") -> list[Any]:
    """Return the column's values; timestamps are built here, which is faster than in pyarrow."""
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type):
        values: list[Any] = column.to_pylist()
        return values
    return [EPOCH + value * _MICROSECOND for value in column.cast(pa.int64()).to_pylist()]


def _texts(values: Sequence[str], kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    del kind
    joined = "".join(values)
    if joined.isascii():
        data, lengths = joined.encode(), map(len, values)
    else:
        encoded = [value.encode("utf-8", "surrogatepass") for value in values]
        data, lengths = b"".join(encoded), map(len, encoded)
    offsets = array("i", accumulate(lengths, initial=0))
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(data))


def _numbers(typecode: str) -> "Callable[[Sequence[int], pa.DataType], pa.Array]":
    def make(values: Sequence[int], kind: "pa.DataType") -> "pa.Array":
        import pyarrow as pa

        return pa.Array.from_buffers(
            kind, len(values), [None, pa.py_buffer(array(typecode, values))]
        )

    return make


def _instants(values: Sequence[datetime], kind: "pa.DataType") -> "pa.Array":
    return _numbers("q")([(value - EPOCH) // _MICROSECOND for value in values], kind)


_MAKERS: "dict[str, Callable[[Sequence[Any], pa.DataType], pa.Array]]" = {
    "string": _texts,
    "int64": _numbers("q"),
    "int32": _numbers("i"),
    "timestamp[us, tz=UTC]": _instants,
}
