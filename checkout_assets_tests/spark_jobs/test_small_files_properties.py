"""Small files have pyarrow's bytes whatever is null, empty or set in whichever rows."""

from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkout_assets_tests.properties import examples
from checkout_assets_tests.spark_jobs.dirty_documents import documents
from checkout_assets_tests.spark_jobs.test_small_files import Writer, expected, small_files
from spark_jobs.conforming import Conformer, Row
from spark_jobs.job.small_files import SmallFiles
from spark_jobs.schema import arrow_schema

TABLES = ("checkout", "fulfillment")
CODECS: list[str | dict[str, str]] = ["zstd", {"id": "zstd"}]


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a column as a row's line has them, null at any level."""
    if pa.types.is_map(kind):
        return st.none() | st.lists(
            st.fixed_dictionaries({"key": st.text(max_size=3), "value": values(kind.item_type)}),
            max_size=2,
        )
    if pa.types.is_list(kind):
        return st.none() | st.lists(values(kind.value_type), max_size=2)
    if pa.types.is_struct(kind):
        return st.none() | some_of([kind.field(number) for number in range(kind.num_fields)])
    return st.none() | {"string": st.text(max_size=3), "int64": st.integers(-9, 9)}.get(
        str(kind), st.booleans() if pa.types.is_boolean(kind) else st.floats(0, 9)
    )


def some_of(fields: list[pa.Field]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with a few of these members."""
    kinds = {field.name: field.type for field in fields}
    return st.lists(st.sampled_from(sorted(kinds)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: values(kinds[name]) for name in names})
    )


@st.composite
def lines(draw: st.DrawFn, table: str) -> list[bytes]:
    """Rows as conforming gives them: made from documents, or with nulls at any level."""
    conformer = Conformer(table)
    found = map(conformer.conform, draw(st.lists(documents(table), max_size=4)))
    rows = draw(st.lists(some_of(list(arrow_schema(table))), min_size=1, max_size=6))
    told = [row.line for row in found if isinstance(row, Row)] + list(map(orjson.dumps, rows))
    return draw(st.permutations(told))


def files_of(table: str) -> SmallFiles:
    """What has compared its first file with pyarrow's, and writes few columns from then on."""
    writer = Writer()
    files = small_files(writer, table)
    for _ in range(2):
        files.file_of([b"{}"], files.read([b"{}"]), "zstd")
    whole, first, second = writer.columns
    assert first == second < whole / 4
    return files


@pytest.mark.parametrize("table", TABLES)
@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_rows_of_a_table_become_the_bytes_that_pyarrow_writes(
    table: str, data: st.DataObject
) -> None:
    files = files_of(table)
    for _ in range(2):  # the second batch is read with the columns that the first had
        batch = data.draw(lines(table))
        rows = files.read(batch)
        first = data.draw(st.integers(0, len(batch) - 1))
        count = data.draw(st.integers(1, len(batch) - first))
        codec = data.draw(st.sampled_from(CODECS))
        some = batch[first : first + count]
        file = files.file_of(some, rows.slice(first, count), codec)
        assert file == expected(some, codec, table)
