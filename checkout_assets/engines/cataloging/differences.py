"""How a table in Glue differs from its definition, and the table with the differences mended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checkout_assets.engines.cataloging.definition import TableInput, is_our_parameter

_KEPT = (
    *("Owner", "Retention", "ViewOriginalText", "ViewExpandedText", "LastAccessTime"),
    *("LastAnalyzedTime", "TargetTable"),
)
"""What UpdateTable takes of a table and its definition does not say: it would be lost."""

_TYPE_OF = "type of "


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of a table, as it is in Glue and as it should be; empty if there is none."""

    what: str
    before: str
    after: str


def differences(found: Mapping[str, Any], wanted: TableInput) -> tuple[Difference, ...]:
    """Return in what a table in Glue differs from its definition; foreign values do not count."""
    before, after = dict(_described(found)), dict(_described(wanted))
    changed = tuple(
        Difference(what, before.get(what, ""), after.get(what, ""))
        for what in dict.fromkeys([*after, *before])
        if not _are_equal(what, before.get(what, ""), after.get(what, ""))
    )
    # Without this a table whose columns only changed places would count as equal.
    before_names, after_names = _names(found), _names(wanted)
    if not changed and before_names != after_names:
        return (Difference("order of columns", before_names, after_names),)
    return changed


def _are_equal(what: str, before: str, after: str) -> bool:
    """Whether two values mean the same: a type's words and names of fields have no case.

    Hive keeps the names of columns in lower case. Athena reads Parquet with Trino's reader, which
    finds a field by its name in any case.
    """
    if what.startswith(_TYPE_OF):
        return before.lower() == after.lower()
    return before == after


def mended(found: Mapping[str, Any], wanted: TableInput) -> TableInput:
    """Return the definition with what others set on the table: UpdateTable replaces all of it."""
    storage, our_storage = _storage(found), wanted["StorageDescriptor"]
    serde, our_serde = storage.get("SerdeInfo") or {}, our_storage["SerdeInfo"]
    foreign = {
        name: value
        for name, value in (found.get("Parameters") or {}).items()
        if not is_our_parameter(name)
    }
    parameters = {**(serde.get("Parameters") or {}), **our_serde["Parameters"]}
    return {
        **{name: found[name] for name in _KEPT if name in found},
        **wanted,
        "Parameters": {**foreign, **wanted["Parameters"]},
        "StorageDescriptor": {
            **storage,
            **our_storage,
            "SerdeInfo": {**serde, **our_serde, "Parameters": parameters},
        },
    }


def _described(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every value of a table that the definition says, by its name for people."""
    storage = _storage(table)
    yield "kind of table", table.get("TableType") or ""
    yield "description", table.get("Description") or ""
    yield "location", storage.get("Location") or ""
    yield "input format", storage.get("InputFormat") or ""
    yield "output format", storage.get("OutputFormat") or ""
    yield "reader", (storage.get("SerdeInfo") or {}).get("SerializationLibrary") or ""
    for place, columns in (
        ("column", storage.get("Columns")),
        ("partition column", table.get("PartitionKeys")),
    ):
        for column in columns or ():
            yield f"{_TYPE_OF}{place} {column['Name']}", column.get("Type") or ""
            yield f"comment of {place} {column['Name']}", column.get("Comment") or ""
    for name, value in sorted((table.get("Parameters") or {}).items()):
        if is_our_parameter(name):
            yield f"parameter {name}", value


def _names(table: Mapping[str, Any]) -> str:
    """The names of the columns and then of the partition columns, in their order."""
    columns = [*(_storage(table).get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    return ", ".join(column["Name"] for column in columns)


def _storage(table: Mapping[str, Any]) -> Mapping[str, Any]:
    return table.get("StorageDescriptor") or {}
