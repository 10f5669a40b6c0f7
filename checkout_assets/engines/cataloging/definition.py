"""What a plain table is in Glue: columns, types, comments, format and partitions."""

from collections.abc import Mapping
from typing import Any

from checkout_assets.engines.cataloging.projection import (
    LOCATION_TEMPLATE,
    PARTITION_COLUMNS,
    PROJECTED,
)
from checkout_assets.engines.compacting.iceberg_schema import column_comment
from checkout_assets.engines.locations import S3Location
from spark_jobs.contract.keys import table_prefix
from spark_jobs.contract.publication import SCHEMA_VERSION
from spark_jobs.schema import table_columns

TableInput = Mapping[str, Any]
"""A table as Glue's CreateTable and UpdateTable take it."""

_OURS = "checkout_assets."
_KEPT_BY = f"{_OURS}kept_by"
_KEEPER = "checkout-assets catalog glue"
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"
_FORMAT = {
    "InputFormat": f"{_HIVE}.MapredParquetInputFormat",
    "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
_EXTERNAL = {"EXTERNAL": "TRUE", "classification": "parquet"}


def table_definition(table: str, lake: S3Location, projected: Mapping[str, str]) -> TableInput:
    """Return the definition of a plain table whose partitions these properties give."""
    columns = [
        {"Name": column.name, "Type": column.ddl, "Comment": column_comment(column)}
        for column in table_columns(table)
    ]
    location = f"{lake.uri}/{table_prefix(table)}"
    return {
        "Name": table,
        "Description": f"One row per {table} document, by the day of its last change: the Parquet "
        f"files of the migration. Kept by {_KEEPER}.",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            **_EXTERNAL,
            **projected,
            _KEPT_BY: _KEEPER,
            f"{_OURS}schema_version": SCHEMA_VERSION,
        },
        "PartitionKeys": [
            {"Name": name, "Type": "string", "Comment": f"{name} of the last change, as text"}
            for name in PARTITION_COLUMNS
        ],
        "StorageDescriptor": {"Columns": columns, "Location": location, **_FORMAT},
    }


def is_kept_here(table: Mapping[str, Any]) -> bool:
    """Whether a table in Glue was made by this program."""
    return (table.get("Parameters") or {}).get(_KEPT_BY) == _KEEPER


def is_our_parameter(name: str) -> bool:
    """Whether this program sets the table's parameter of that name, or removes it."""
    return name in {*_EXTERNAL, LOCATION_TEMPLATE} or name.startswith((PROJECTED, _OURS))
