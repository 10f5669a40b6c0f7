"""Lines become tables exactly, with one schema, and every reader reads them back the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from checkout_assets_tests.spark_jobs.conformed_orders import accepted, order
from checkout_assets_tests.spark_sessions import local_session
from spark_jobs.conforming import table_from_lines, with_lineage
from spark_jobs.contract.publication import SCHEMA_VERSION
from spark_jobs.job.writing import FolderWriter
from spark_jobs.schema import arrow_schema, table_columns
from spark_jobs.stores import open_store

TABLES = ("checkout", "fulfillment")
ODD_TEXT = 'A\u2028\u2029\u0085\u0000\u0001\u007f\t\n\r"\\/ 😀 é \ufeff'
LINEAGE = ("E9_CheckoutOrder", "E9_CheckoutOrder/A/id/ç 1", '"etag"', "run-1")


def line_of(table: str = "checkout", **fields: Any) -> bytes:
    return with_lineage(accepted(order(**fields), table).line, *LINEAGE)


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows without what is null in them, at any depth; maps as lists of pairs."""
    return [without_nulls(row) for row in table.to_pylist()]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def rich_lines() -> list[bytes]:
    """Rows with something of every type, absent in the next one, and odd in the third."""
    items = [
        {
            "id": "0012",
            "quantity": 2**63 - 1,
            "price": -(2**63),
            "unitMultiplier": 0.1,
            "isGift": True,
            "sellerChain": ["a", None, ""],
            "productCategories": {"12": "Mesas"},
            "additionalInfo": {"dimension": {"height": 5e-324, "width": 1.7976931348623157e308}},
            "assemblies": [
                {"id": "x", "inputValues": {"1": "a", "2": None, ODD_TEXT: ODD_TEXT}},
                {"id": "y", "inputValues": {}},
                {"id": "z"},
                None,
            ],
        },
        None,
        {},
    ]
    return [
        line_of(Items=items, Status=ODD_TEXT, Value="12.5", IsCompleted="true"),
        line_of(Items=None),
        line_of(Items=[], Status="", **{"a/b": ODD_TEXT}),
    ]


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """The rich rows as one Parquet file, as the tasks write them."""
    (written,) = FolderWriter(open_store(str(tmp_path)), "E9_CheckoutOrder", "run-1").write_days(
        [("2018-10-31", rich_lines())]
    )
    assert written.rows == len(rich_lines())
    return next(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_the_schema_whatever_its_rows_hold(name: str) -> None:
    for lines in ([line_of(name)], [line_of(name, Items=[{"price": 1}], Foo="x")], []):
        table = table_from_lines(name, lines)
        table.validate(full=True)
        assert table.schema.equals(arrow_schema(name), check_metadata=True)
        assert table.num_rows == len(lines)


def test_files_of_different_rows_have_one_schema_and_read_as_one(tmp_path: Path) -> None:
    for n, line in enumerate(rich_lines()):
        parquet.write_table(table_from_lines("checkout", [line]), tmp_path / f"{n}.parquet")
    first, *others = [parquet.ParquetFile(path).schema for path in sorted(tmp_path.iterdir())]
    assert all(other.equals(first) for other in others)
    assert parquet.read_table(tmp_path).equals(table_from_lines("checkout", rich_lines()))


def test_rows_keep_their_order_and_lineage() -> None:
    table = table_from_lines("checkout", [line_of(Id=f"v{n}") for n in range(100)])
    assert table.column("id").to_pylist() == [f"v{n}" for n in range(100)]
    lineage = [table.column(name)[7].as_py() for name in table.schema.names[-4:]]
    assert tuple(lineage) == LINEAGE


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**53 + 1, 0, -1])
def test_integers_are_exact_to_the_last_digit(number: int) -> None:
    table = table_from_lines("checkout", [line_of(Value=str(number), Totals=[{"value": number}])])
    assert table.column("value").to_pylist() == [number]
    assert table.column("totals").to_pylist()[0][0]["value"] == number


@pytest.mark.parametrize(
    "number", [0.1, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e22, -0.0, 3.0, 2**53]
)
def test_doubles_are_exact_to_the_last_bit(number: float) -> None:
    table = table_from_lines("checkout", [line_of(Items=[{"unitMultiplier": number}])])
    found = table.column("items").to_pylist()[0][0]["unitMultiplier"]
    assert float(found).hex() == float(number).hex()


def test_text_is_exact_to_the_last_character() -> None:
    table = table_from_lines("checkout", [line_of(Status=ODD_TEXT), line_of(Status="next")])
    assert table.column("status").to_pylist() == [ODD_TEXT, "next"]


def test_empty_and_null_differ_for_text_lists_maps_and_structs() -> None:
    empty: dict[str, Any] = {"id": "", "sellerChain": [], "assemblies": [{"inputValues": {}}]}
    null: dict[str, Any] = {"id": None, "sellerChain": None, "assemblies": [{"inputValues": None}]}
    table = table_from_lines("checkout", [line_of(Items=[empty, null]), line_of(Totals=[{}, None])])
    first, second = table.column("items").to_pylist()[0]
    assert (first["id"], first["sellerChain"], first["assemblies"][0]["inputValues"]) == (
        "",
        [],
        [],
    )
    assert (second["id"], second["sellerChain"]) == (None, None)
    assert second["assemblies"] == [{"id": None, "inputValues": None}]
    assert table.column("totals").to_pylist() == [
        None,
        [dict.fromkeys(("id", "name", "value")), None],
    ]


def test_maps_in_structs_in_lists_keep_their_places_among_nulls() -> None:
    def entries(n: int) -> Any:
        return None if n % 3 == 0 else {str(k): f"{n}.{k}" for k in range(n % 5)}

    items = [
        None if n % 7 == 0 else {"assemblies": [{"id": str(n), "inputValues": entries(n)}, None]}
        for n in range(50)
    ]
    lines = [line_of(Items=items[n : n + 5]) for n in range(0, 50, 5)]
    table = table_from_lines("checkout", lines)
    table.validate(full=True)
    found = [item for row in table.column("items").to_pylist() for item in row]
    for n, item in enumerate(found):
        if n % 7 == 0:
            assert item is None
            continue
        expected = entries(n)
        pairs = None if expected is None else list(expected.items())
        assert item["assemblies"] == [{"id": str(n), "inputValues": pairs}, None]


def test_a_line_may_be_longer_than_a_block() -> None:
    text = "x" * (3 << 20)
    table = table_from_lines("checkout", [line_of(), line_of(Status=text), line_of()])
    assert table.column("status").to_pylist() == [None, text, None]


def test_a_field_without_a_column_is_an_error_and_not_ignored() -> None:
    with pytest.raises(pa.ArrowInvalid):
        table_from_lines("checkout", [b'{"id":"v1","surprise":1}'])


def test_pyarrow_reads_back_what_was_written(rich: Path) -> None:
    read = parquet.read_table(rich, partitioning=None)
    assert read.schema.equals(arrow_schema("checkout"))
    assert read.equals(table_from_lines("checkout", rich_lines()))
    first = rows(read)[0]
    assert first["status"] == ODD_TEXT
    assert first["_rescued"] == [{"path": "/Value", "value": '"12.5"'}]
    assert first["items"][0]["assemblies"][0]["inputValues"] == [
        ("1", "a"), ("2", None), (ODD_TEXT, ODD_TEXT)
    ]  # fmt: skip


def test_a_file_names_the_version_of_its_schema(rich: Path) -> None:
    metadata = parquet.read_metadata(rich).metadata or {}
    assert metadata.get(b"checkout_assets.schema_version") == SCHEMA_VERSION.encode()


@pytest.mark.parametrize("copies", [1, 400])
def test_no_file_needs_a_reader_of_version_2_pages(tmp_path: Path, copies: int) -> None:
    """Small files and those with dictionaries, of tables and of quarantine."""
    writer = FolderWriter(open_store(str(tmp_path)), "E9_CheckoutOrder", "run-1")
    writer.write_days([("2018-10-31", rich_lines() * copies)])
    quarantined: dict[str, Any] = {"source_key": ODD_TEXT, "size": 1, "body": b"x"}
    writer.write_quarantine((0, 0), [quarantined] * copies)
    files = list(tmp_path.rglob("*.parquet"))
    assert len(files) == 2
    assert {kind for path in files for kind in page_types(path)} == {DATA_PAGE}


DATA_PAGE = 0
"""Version 1; one of version 2 is a 3."""


def page_types(path: Path) -> set[int]:
    """The type in the header of each column's first data page: Parquet format, PageHeader."""
    data, group = path.read_bytes(), parquet.read_metadata(path).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    headers = [data[column.data_page_offset :][:2] for column in columns]
    assert {header[0] for header in headers} == {0x15}, "field 1, a zigzag integer"
    return {header[1] >> 1 for header in headers}


def test_duckdb_reads_back_what_was_written(rich: Path) -> None:
    columns = ("id", "status", "items", "_rescued", "_source_key")
    # In a process of its own: at the end of one with all these tests it complains of leaks.
    script = f"""
import duckdb, json, sys
query = "select {", ".join(columns)} from read_parquet(?)"
print(json.dumps(duckdb.execute(query, sys.argv[1:]).fetchall()))
"""
    told = subprocess.run(
        [sys.executable, "-c", script, str(rich)], stdout=subprocess.PIPE, check=True
    )
    written = parquet.read_table(rich, columns=list(columns)).to_pylist()
    assert json.loads(told.stdout) == [
        [maps_as_dicts(row)[column] for column in columns] for row in written
    ]


@pytest.mark.slow
def test_spark_reads_back_what_was_written(rich: Path) -> None:
    columns = ["id", "status", "value", "items", "_rescued", "_source_key"]
    with local_session("local[1]") as spark:
        frame = spark.read.parquet(str(rich))
        ddl = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
        found = [row.asDict(recursive=True) for row in frame.select(*columns).collect()]
    written = parquet.read_table(rich, columns=columns).to_pylist()
    assert found == [{key: maps_as_dicts(value) for key, value in row.items()} for row in written]
    assert ddl == {column.name: column.ddl for column in table_columns("checkout")}


def maps_as_dicts(value: Any) -> Any:
    """What pyarrow gives as a list of pairs is a dictionary to the other readers."""
    if isinstance(value, dict):
        return {
            key: dict(member)
            if key == "inputValues" and member is not None
            else maps_as_dicts(member)
            for key, member in value.items()
        }
    return [maps_as_dicts(item) for item in value] if isinstance(value, list) else value
