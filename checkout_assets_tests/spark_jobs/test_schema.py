"""The schema is one that every engine can hold, and it changes only on purpose."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_jobs import schema
from spark_jobs.conforming.fates import BY_VALUE, KEEP, fate, is_below_payments
from spark_jobs.conforming.paths import Path as Place
from spark_jobs.contract.publication import SCHEMA_VERSION
from spark_jobs.schema import removals
from spark_jobs.schema.docs import markdown
from spark_jobs.schema.redacted_names import SHAPES, WORDS, Meaning, folded, meaning_of_name
from spark_jobs.schema.types import Array, Primitive, Struct, TextMap, Type

TABLES = ("checkout", "fulfillment")
REPOSITORY = Path(__file__).parents[2]

# After a change that is meant: raise SCHEMA_VERSION, then put the digests the failure shows here.
PINNED = {
    "version": "1",
    "checkout": "1969eb8105d1b3e94a9db53077cd05d92f9c98f5cb0aa50fde0ebdbacd6437f5",
    "fulfillment": "718f857ad5c713b2335cbf38feee9dab74e8ed776ce9d0095f75eaf59e4f4164",
}


def structs(kind: Type, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Struct]]:
    """Every struct of a type, with the lower-case names that lead to it."""
    if isinstance(kind, Array):
        yield from structs(kind.element, path)
    elif isinstance(kind, Struct):
        yield path, kind
        for name, field in kind.fields:
            yield from structs(field, (*path, name.lower()))


def places(table: str) -> Iterator[tuple[str, ...]]:
    """The lower-case path of every column and field of a table."""
    for column in schema.data_columns(table):
        yield (column.name,)
        for path, struct in structs(column.type, (column.name,)):
            yield from ((*path, name.lower()) for name, _ in struct.fields)


def leaves(kind: Type) -> Iterator[Type]:
    if isinstance(kind, Array):
        yield from leaves(kind.element)
    elif isinstance(kind, Struct):
        for _, field in kind.fields:
            yield from leaves(field)
    else:
        yield kind


def ddl(table: str) -> str:
    return ",".join(f"{column.name}:{column.ddl}" for column in schema.table_columns(table))


@pytest.mark.parametrize("table", TABLES)
def test_names_are_unique_regardless_of_case_at_every_level(table: str) -> None:
    columns = [column.name.lower() for column in schema.table_columns(table)]
    assert len(set(columns)) == len(columns)
    for column in schema.table_columns(table):
        for path, struct in structs(column.type, (column.name,)):
            names = [name.lower() for name, _ in struct.fields]
            assert names, path
            assert len(set(names)) == len(names), path


@pytest.mark.parametrize("table", TABLES)
def test_every_type_is_one_that_spark_athena_and_duckdb_share(table: str) -> None:
    for column in schema.table_columns(table):
        for leaf in leaves(column.type):
            assert leaf == TextMap() or leaf in [
                Primitive(name) for name in ("string", "bigint", "double", "boolean")
            ]


@pytest.mark.parametrize("table", TABLES)
def test_the_order_is_data_then_json_text_then_rescue_then_lineage(table: str) -> None:
    names = [column.name for column in schema.table_columns(table)]
    assert names[0] == "id"
    assert names[-7:] == [
        "customdata",
        "commercialconditiondata",
        "_rescued",
        "_folder",
        "_source_key",
        "_source_etag",
        "_run_id",
    ]
    assert schema.RESCUED.ddl == "array<struct<path:string,value:string>>"
    assert all(c.name == c.source_field.lower() for c in schema.data_columns(table))


@pytest.mark.parametrize("table", TABLES)
def test_the_schema_changes_only_together_with_its_version(table: str) -> None:
    digest = hashlib.sha256(ddl(table).encode()).hexdigest()
    assert (SCHEMA_VERSION, digest) == (PINNED["version"], PINNED[table])


def test_fulfillment_has_every_column_of_checkout_and_two_more() -> None:
    checkout, fulfillment = (
        {c.name: c.ddl for c in schema.table_columns(table)} for table in TABLES
    )
    assert checkout.items() <= fulfillment.items()
    assert fulfillment.keys() - checkout.keys() == {
        "marketplacepaymentreferencevalue",
        "iscreatedasync",
    }


@pytest.mark.parametrize("table", TABLES)
def test_nothing_that_never_reaches_the_lake_has_a_place_in_the_schema(table: str) -> None:
    # Conforming relies on it: a member spelled as the schema does is not looked up in the lists.
    for place in places(table):
        parent: Place = None
        for step in place[:-1]:
            parent = (parent, step, 0)
        if meaning_of_name(place[-1]) is not Meaning.PAYMENTS:
            # Below payments a card number goes, which the last look at a row finds.
            expected = BY_VALUE if is_below_payments(parent) else KEEP
            assert fate(place[-1], parent) == expected, place


def test_the_lists_of_removed_names_are_in_lower_case() -> None:
    names = [*sum(removals.CLEANED_BELOW, ()), *removals.CLEANED_NAMES]
    assert [name for name in names if name != name.lower()] == []
    words = [choice.replace(" ", "") for choices in WORDS.values() for choice in choices]
    assert [word for word in words if word != folded(word)] == []


def test_every_word_of_a_shape_is_one_of_the_vocabulary_or_stands_for_itself() -> None:
    words = {word for shapes in SHAPES.values() for shape in shapes for word in shape.split()}
    assert {word for word in words if word.isupper()} == WORDS.keys()


@pytest.mark.parametrize("table", TABLES)
def test_the_arrow_schema_has_the_ddl_and_the_version(table: str) -> None:
    arrow = schema.arrow_schema(table)
    assert arrow.names == [column.name for column in schema.table_columns(table)]
    assert arrow.metadata == {b"checkout_assets.schema_version": SCHEMA_VERSION.encode()}
    assert str(arrow.field("items").type).startswith("list<")
    assert str(arrow.field("value").type) == "int64"


def test_the_documentation_of_the_schema_is_what_the_schema_says() -> None:
    written = (REPOSITORY / "docs" / "schema.md").read_text(encoding="utf-8")
    assert written == markdown(), "run: python -m spark_jobs.schema.docs > docs/schema.md"
