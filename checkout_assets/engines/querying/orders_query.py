"""Answer one SELECT over the analysts' tables; nothing else of this machine can be reached."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.compacting.catalogs import catalog_explained
from checkout_assets.engines.compacting.orders_table import OrdersTable
from spark_jobs.compaction.columns import compacted_schema

if TYPE_CHECKING:
    import pyarrow as pa

_LATEST = """
CREATE VIEW {name}_latest AS SELECT * FROM {name}
QUALIFY row_number() OVER (
    PARTITION BY instanceid, id
    ORDER BY if(coalesce(lastchange, '') = '', created_at, changed_at) DESC NULLS LAST,
        coalesce(nullif(lastchange, ''), creationdate) DESC NULLS LAST, _source_key DESC
) = 1
"""
"""The newest version of each order. Versions without an instant are older than those with one, and
compared by their text; of equal times the one with the greater object key is taken, so that every
run answers alike."""

_LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_BATCH_ROWS = 10_000
_LONGEST_REASON = 300


class OrdersQuery:
    """The views ``checkout``, ``fulfillment`` and their ``_latest``, over the current snapshots."""

    def __init__(self, tables: Sequence[OrdersTable]) -> None:
        """Take the file lists of the current snapshots; raises UsageError if no table exists."""
        import duckdb

        with catalog_explained():
            sources = {table.name: _source(table) for table in tables}
        if not any(source is not None for source in sources.values()):
            raise UsageError(
                "The lake has no analysts' tables yet. Run checkout-assets tables compact first."
            )
        self._connection: Any = duckdb.connect(":memory:", config=_LOCKED)
        for name, source in sources.items():
            rows = compacted_schema(name).empty_table() if source is None else source
            self._connection.register(name, rows)
            self._connection.execute(_LATEST.format(name=name))
        # No variable of this process becomes a table, and no setting can be taken back.
        self._connection.execute("SET python_enable_replacements = false")
        self._connection.execute("SET lock_configuration = true")

    def run(self, sql: str) -> "pa.RecordBatchReader":
        """Return the rows of one SELECT in batches; raises UsageError if it is not a valid one.

        Raises MigrationError if it fails while it runs, also from the batches (``read``).
        """
        import duckdb

        try:
            statements = duckdb.extract_statements(sql)
            if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
                raise UsageError("Give one SELECT: query only reads.")
            return self._connection.sql(statements[0]).to_arrow_reader(_BATCH_ROWS)
        except (duckdb.ProgrammingError, duckdb.PermissionException) as error:
            raise UsageError(f"The SQL is wrong: {_first_line(error)}") from None
        except duckdb.Error as error:
            raise _failed(error) from None

    def read(self, reader: "pa.RecordBatchReader") -> "pa.RecordBatch | None":
        """Return the next batch of an answer; None after the last one."""
        import pyarrow as pa

        try:
            return reader.read_next_batch()
        except StopIteration:
            return None
        except (pa.ArrowException, OSError) as error:
            raise _failed(error) from None


def _source(orders: OrdersTable) -> Any:
    """The files of the current snapshot as an Arrow dataset; None if the table does not exist."""
    import pyarrow.dataset as ds
    from pyiceberg.io.pyarrow import PyArrowFileIO

    table = orders.load()
    if table is None:
        return None
    schema = compacted_schema(orders.name)
    places = [
        PyArrowFileIO.parse_location(task.file.file_path) for task in table.scan().plan_files()
    ]
    if not places:
        return schema.empty_table()
    scheme, netloc, _ = places[0]
    filesystem = PyArrowFileIO(table.io.properties).fs_by_scheme(scheme, netloc)
    paths = [path for _, _, path in places]
    return ds.dataset(paths, schema=schema, format="parquet", filesystem=filesystem)


def _first_line(error: Exception) -> str:
    """DuckDB's own words, which quote the SQL and no data; the first line names the mistake."""
    lines = str(error).splitlines() or [type(error).__name__]
    return displayable(lines[0], _LONGEST_REASON)


def _failed(error: Exception) -> MigrationError:
    """The library's words may quote an order, so only the kind of error is told."""
    return MigrationError(
        f"The query failed while it ran ({type(error).__name__}). If it converts values, "
        "TRY_CAST gives null for those that do not convert."
    )
