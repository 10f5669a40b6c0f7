"""``checkout-assets query``: SQL over the analysts' tables."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from checkout_assets.cli.options import Json, existing_lake
from checkout_assets.cli.settings_options import settings_options, settings_with
from spark_jobs.contract.order_types import OrderType

if TYPE_CHECKING:
    from checkout_assets.engines.querying.orders_query import OrdersQuery
    from checkout_assets.settings import Settings

_EXAMPLES = """\b
The views checkout and fulfillment have a row per document, checkout_latest
and fulfillment_latest the newest version of each order.

\b
Examples:
  checkout-assets query --lake ./lake "SELECT count(*) FROM checkout_latest"
  checkout-assets query --lake ./lake --format csv "SELECT * FROM fulfillment"
"""


class QueryFormat(StrEnum):
    """How the rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("query", epilog=_EXAMPLES)(query)


@settings_options("lake_uri", "catalog")
def query(
    *,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, in DuckDB's SQL.")],
    given: Mapping[str, object],
    format_: Annotated[
        QueryFormat, typer.Option("--format", help="table, csv, json or parquet.")
    ] = QueryFormat.TABLE,
    limit: Annotated[
        int, typer.Option("--limit", metavar="ROWS", min=1, help="The most rows of a table.")
    ] = 100,
    json: Json = False,
) -> int:
    """Query the analysts' tables with SQL, read-only.

    Reads the current snapshot of each table. The other formats than table print all rows; --json
    is the same as --format json. No other file can be read or written.
    """
    from checkout_assets.cli import query_output

    orders = _orders(settings_with(**given))
    answer = query_output.Answer(orders, sql)
    if json or format_ is QueryFormat.JSON:
        query_output.print_as_json(answer)
    elif format_ is QueryFormat.CSV:
        query_output.print_as_csv(answer)
    elif format_ is QueryFormat.PARQUET:
        query_output.print_as_parquet(answer)
    else:
        query_output.print_as_table(answer, limit)
    return 0


def _orders(settings: "Settings") -> "OrdersQuery":
    from checkout_assets.engines.compacting.catalogs import open_catalog
    from checkout_assets.engines.compacting.orders_table import OrdersTable
    from checkout_assets.engines.querying.orders_query import OrdersQuery

    lake = existing_lake(settings)
    catalog = open_catalog(settings.catalog, lake)
    return OrdersQuery([OrdersTable(catalog, lake, each.table) for each in OrderType])
