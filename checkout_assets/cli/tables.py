"""``checkout-assets tables``: compact the published files into the analysts' tables."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checkout_assets.cli.console import print_json, print_lines, say, say_some
from checkout_assets.cli.groups import add_group
from checkout_assets.cli.options import Json, existing_lake, new_run_id
from checkout_assets.cli.settings_options import settings_options, settings_with
from checkout_assets.domain.compaction.months import Month, select_months
from checkout_assets.domain.counting import byte_size, counted, in_number
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.settings import Settings
from spark_jobs.contract.order_types import OrderType

if TYPE_CHECKING:
    from checkout_assets.engines.compacting.committing import MonthCompacted, MonthStatus
    from checkout_assets.engines.compacting.engine import Compactor

INTERRUPTED = (
    "Interrupted. The months that were committed are complete, and the others are as they were; "
    "run the same command again, which compacts what is left."
)
_EXAMPLES = """\b
MONTH is a month (2018-10) or a range (2018-01..2018-12). Several may be
given. Without any, all months are meant.

\b
Examples:
  checkout-assets tables compact --lake ./lake
  checkout-assets tables compact --lake s3://lake --catalog glue 2018-10
  checkout-assets tables compact --lake ./lake --rewrite 2018-10
  checkout-assets tables status --lake ./lake
"""

Rewrite = Annotated[
    bool,
    typer.Option(
        "--rewrite",
        help="Write the named months again, also those that are up to date.",
    ),
]
Months = Annotated[
    list[str] | None,
    typer.Argument(metavar="MONTH", show_default=False, hidden=True),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app,
        "tables",
        {"compact": compact, "status": status},
        told="Compact the published files into the analysts' tables: Apache Iceberg tables by "
        "month of the order's date, checkout and fulfillment.",
        examples=_EXAMPLES,
    )


@settings_options("lake_uri", "catalog")
def compact(
    *,
    months: Months = None,
    given: Mapping[str, object],
    rewrite: Rewrite = False,
    json: Json = False,
) -> int:
    """Bring months of the analysts' tables up to date.

    Only months whose folders were published since are written again, unless --rewrite is given;
    each is replaced at once, so that readers see the old month or the new one. Then old snapshots
    expire, and files that none names are removed. Changes nothing else in the lake.
    """
    settings = settings_with(**given)
    chosen = select_months(months) if months else None
    if rewrite and chosen is None:
        raise UsageError("--rewrite needs the months to write again, such as 2018-10.")
    with _compactor(settings) as compactor:
        ended = [_tell(each) for each in _compacted(compactor, chosen, rewrite)]
        removed = _clean(compactor, settings)
    problems = [each.error for each in ended if each.error]
    if json:
        print_json("tables compact", not problems, _compacted_document(ended, removed))
    else:
        print_lines(_compacted_lines(ended, removed))
    say_some(problems)
    return 1 if problems else 0


@settings_options("lake_uri", "catalog")
def status(*, months: Months = None, given: Mapping[str, object], json: Json = False) -> int:
    """List months that are up to date, stale or missing in the analysts' tables.

    Reads publication records and the catalog, and changes nothing. Exits with 1 if a month is stale
    or missing.
    """
    settings = settings_with(**given)
    chosen = set(select_months(months)) if months else None
    with _compactor(settings) as compactor:
        found = [
            each
            for order_type in OrderType
            for month, each in _read(compactor.status, order_type).items()
            if chosen is None or month in chosen
        ]
    due = sum(each.state.is_due for each in found)
    if json:
        print_json("tables status", not due, {"months": [_status_document(e) for e in found]})
    else:
        print_lines(_status_lines(found))
    if due:
        say(in_number(due, "# month[|s] [is|are] not up to date: run tables compact."))
    return 1 if due else 0


@contextmanager
def _compactor(settings: Settings) -> "Iterator[Compactor]":
    """The engine on this machine's Spark, which starts when a month has to be written."""
    from checkout_assets.engines.compacting.catalogs import open_catalog
    from checkout_assets.engines.compacting.engine import Compactor
    from checkout_assets.engines.compacting.writing import LocalMonthWriter
    from checkout_assets.engines.structuring.session import LocalSpark, local_spark_config

    lake = existing_lake(settings)
    catalog = open_catalog(settings.catalog, lake)
    with closing(LocalSpark(local_spark_config(settings.spark_master))) as spark:
        yield Compactor(
            lake, catalog, LocalMonthWriter(lake, spark.session, settings, spark.cancel)
        )


def _compacted(
    compactor: "Compactor", months: Sequence[Month] | None, rewrite: bool
) -> "Iterator[MonthCompacted]":
    results = compactor.run(dict.fromkeys(OrderType, months), new_run_id(), rewrite=rewrite)
    while (ended := _read(next, results, None)) is not None:
        yield ended


def _read(work: Callable[..., Any], *arguments: object) -> Any:
    """The result of reading the lake; raises MigrationError if it cannot be read."""
    from spark_jobs.stores import StoreError

    try:
        return work(*arguments)
    except StoreError as error:
        raise MigrationError(f"The lake could not be read: {error.reason}.") from None


def _clean(compactor: "Compactor", settings: Settings) -> int:
    keep = timedelta(days=settings.snapshot_days)
    now = datetime.now(UTC)
    return sum(_read(compactor.clean, each, keep, now) for each in OrderType)


def _tell(ended: "MonthCompacted") -> "MonthCompacted":
    if ended.files:
        rows = counted(ended.contents.rows, "row")
        say(f"{ended.contents.table} {ended.contents.month}: {rows}, {ended.seconds:.1f} s")
    return ended


def _compacted_lines(ended: "Sequence[MonthCompacted]", removed: int) -> list[str]:
    lines = []
    for order_type in OrderType:
        months = [each for each in ended if each.contents.table == order_type.table and each.ok]
        written = [each for each in months if each.files]
        before = sum(len(each.contents.files) for each in written)
        files, size = sum(each.files for each in written), sum(each.size for each in written)
        lines.append(
            f"{order_type.table}: {counted(len(written), 'month')} written, "
            f"{len(months) - len(written):,} unchanged; "
            f"{counted(sum(each.contents.rows for each in written), 'row')}; "
            f"{counted(before, 'file')} of {byte_size(sum(e.contents.size for e in written))} "
            f"became {counted(files, 'file')} of {byte_size(size)}."
        )
    unstated = sum(sum(each.unstated.values()) for each in ended)
    if unstated:
        lines.append(
            in_number(
                unstated,
                "# time[|s] without a time zone [is|are] null: created_at, changed_at.",
            )
        )
    if removed:
        lines.append(in_number(removed, "# file[|s] that no snapshot names [was|were] removed."))
    return lines


def _compacted_document(ended: "Sequence[MonthCompacted]", removed: int) -> dict[str, Any]:
    return {
        "months": [
            {
                "table": each.contents.table,
                "month": str(each.contents.month),
                "ok": each.ok,
                "error": each.error or None,
                "before": each.before.value,
                "rows": each.contents.rows,
                "files_before": len(each.contents.files),
                "bytes_before": each.contents.size,
                "files": each.files,
                "bytes": each.size,
                "times_without_zone": dict(each.unstated),
            }
            for each in ended
        ],
        "removed_files": removed,
    }


def _status_lines(found: "Sequence[MonthStatus]") -> list[str]:
    return [
        f"{each.contents.table:<12} {each.contents.month}  {each.state:<10}  "
        f"{counted(each.contents.rows, 'row')} of {counted(len(each.contents.folders), 'folder')}"
        for each in found
    ]


def _status_document(status: "MonthStatus") -> dict[str, Any]:
    return {
        "table": status.contents.table,
        "month": str(status.contents.month),
        "state": status.state.value,
        "rows": status.contents.rows,
        "folders": len(status.contents.folders),
        "files": len(status.contents.files),
        "bytes": status.contents.size,
    }
