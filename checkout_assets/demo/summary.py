"""The tables that the demo prints at its end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from checkout_assets.demo.place import DemoPlace
from checkout_assets.demo.story import BACKFILL, Told
from checkout_assets.domain.counting import byte_size, counted
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from spark_jobs.contract.order_types import OrderType

if TYPE_CHECKING:
    import pyarrow as pa

QUERY = """SELECT year(order_date) AS year, count(*) AS orders, sum(value) / 100 AS total,
       max(len(items)) AS most_items
FROM checkout_latest GROUP BY ALL ORDER BY ALL"""


def show_summary(told: Told, place: DemoPlace, console: Console) -> None:
    """Print what was lost, what is there now, what is flagged, and how to view it."""
    console.print()
    console.print(
        _table("Found in what the earlier migration left", ("what", "where"), _before(told))
    )
    console.print(_table("After the migration", ("", ""), _after(told)))
    console.print(
        _table("Flagged, as expected of the sample", ("check", "folders"), _flagged(told))
    )
    console.print(_table("The analysts' tables", ("table", "files"), _compacted(told)))
    console.print(_table("Time", ("stage", "seconds"), _time(told)))
    _show_query(place, console)
    console.print(f"Tables      {place.lake / 'consumable_tables'}")
    console.print(f"Quarantine  {place.lake / 'quarantine'}")
    console.print(f"Report      {told.report_of(place)}")
    console.print("Look at it  make ui")


def _before(told: Told) -> Iterable[tuple[str, str]]:
    yield "lost folders", ", ".join(sorted(told.lost_found))
    yield "stale objects in", ", ".join(sorted(told.stale_found))
    yield "folders red", f"{told.before['folders_red']} of 512"


def _after(told: Told) -> Iterable[tuple[str, str]]:
    after = told.after
    yield "folders complete", f"{after['folders_complete']} of 512"
    yield "the three lost folders", "found and repaired" if not after["folders_red"] else "not done"
    yield "objects", f"{after['objects']:,} ({byte_size(after['bytes'])})"
    yield "rows", f"{after['dagster/row_count']:,}"
    reasons = sorted(name for name in after if name.startswith("quarantined_"))
    for name in reasons:
        yield f"quarantined: {name.removeprefix('quarantined_')}", f"{after[name]:,}"
    yield "nested objects, in quarantine", f"{after['nested']:,}"
    yield "values rescued", f"{after['rescued_values']:,}"
    yield "names escaped", f"{after['escaped_names']:,}"


def _flagged(told: Told) -> Iterable[tuple[str, str]]:
    for check, folders in sorted(told.flagged.items()):
        yield check, ", ".join(sorted(folders))


def _compacted(told: Told) -> Iterable[tuple[str, str]]:
    for name, found in told.compacted.items():
        before = f"{counted(found['files_before'], 'file')} of {byte_size(found['bytes_before'])}"
        after = f"{counted(found['files_written'], 'file')} of {byte_size(found['bytes_written'])}"
        yield f"orders.{name}", f"{before} became {after}"
    if told.compaction_fault:
        yield "fault", told.compaction_fault


def _time(told: Told) -> Iterable[tuple[str, str]]:
    for name, seconds in told.stages.items():
        yield name, f"{seconds:.1f}"
        if name == BACKFILL:
            for asset, waited in told.engine_seconds.items():
                yield f"- of which in the engine of {asset}", f"{waited:.1f}"
            yield "- of which Dagster's own", f"{told.dagster_seconds:.1f}"
    yield "in all", f"{sum(told.stages.values()):.1f}"


def _table(title: str, columns: tuple[str, str], rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=any(columns))
    table.add_column(columns[0], no_wrap=True)
    table.add_column(columns[1])
    for row in rows:
        table.add_row(*row)
    return table


def _show_query(place: DemoPlace, console: Console) -> None:
    """Print an example query over an analysts' table and its result, or why there is none."""
    console.print()
    console.print(f'checkout-assets query --lake {place.lake} "{QUERY}"', soft_wrap=True)
    try:
        answer = run_query(place)
    except (MigrationError, UsageError) as error:
        console.print(displayable(str(error)))
        return
    table = Table()
    for name in answer.column_names:
        table.add_column(name, justify="right")
    for row in answer.to_pylist():
        table.add_row(*map(str, row.values()))
    console.print(table)


def run_query(place: DemoPlace) -> "pa.Table":
    """The answer to the example query; raises MigrationError or UsageError if there are none."""
    import pyarrow as pa

    from checkout_assets.engines.compacting.catalogs import open_catalog
    from checkout_assets.engines.compacting.orders_table import OrdersTable
    from checkout_assets.engines.locations import LocalLocation
    from checkout_assets.engines.querying.orders_query import OrdersQuery

    lake = LocalLocation(place.lake)
    catalog = open_catalog("", lake)
    orders = OrdersQuery([OrdersTable(catalog, lake, each.table) for each in OrderType])
    reader = orders.run(QUERY)
    return pa.Table.from_batches(iter(lambda: orders.read(reader), None), reader.schema)
