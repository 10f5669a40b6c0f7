"""The table that ``checkout-assets report`` prints."""

from collections.abc import Iterator, Mapping, Sequence

from checkout_assets.cli.console import print_lines, table_console
from checkout_assets.domain.counting import byte_size, counted, in_number, of_folders
from checkout_assets.domain.displayable import one_line
from checkout_assets.domain.reconciliation import State
from checkout_assets.domain.reporting.analysts_tables import CHECK, ReportedTable, table_repairs
from checkout_assets.domain.reporting.listings import told_listings
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome

_EMPTY = "# month[|s] between the first and the last [has|have] no row."


def print_table(outcome: ReconciliationOutcome, places: Mapping[str, str]) -> None:
    """Print the totals, a row per reason of a red or flagged folder, and the analysts' tables.

    ``places`` are those that the commands of remedies name.
    """
    console = table_console()
    console.print(f"Reconciliation of {outcome.instant:%Y-%m-%d %H:%M} UTC", style="bold")
    console.print(
        f"{of_folders(outcome.complete, outcome.asked)} complete, {outcome.red:,} red, "
        f"{outcome.yellow:,} flagged."
    )
    console.print(
        f"{counted(outcome.objects, 'object')} in raw ({byte_size(outcome.total_bytes)}), "
        f"{counted(outcome.rows, 'row')}, {counted(outcome.quarantined, 'document')} in quarantine."
    )
    if told := told_listings(outcome):
        console.print(told)
    if outcome.folders:
        console.print(_table(outcome))
    for name in outcome.unexpected:
        console.print(f"Unexpected below the source's prefix: {name}")
    print_lines(_told_tables(outcome.analysts_tables, places))


def _told_tables(tables: Sequence[ReportedTable], places: Mapping[str, str]) -> Iterator[str]:
    """Yield what is known of the analysts' tables, and the commands that repair them."""
    for each in tables:
        yield one_line(f"Analysts' table {each.text}")
        if each.made:
            yield (
                f"  {counted(each.files_before, 'published file')} of "
                f"{byte_size(each.bytes_before)}, {counted(each.files, 'data file')} of "
                f"{byte_size(each.bytes)}. {in_number(each.months_without_rows, _EMPTY)}"
            )
    for repair in table_repairs(tables, places):
        yield f"{repair.remedy}: {one_line(repair.command)}"
    if any(each.state != State.GREEN for each in tables):
        yield f"See docs/runbook.md#{CHECK}."


def _table(outcome: ReconciliationOutcome) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table("state", "folder", "what to know", "runbook")
    for each in outcome.folders:
        for line in each.lines:
            row = (line.state, each.folder, one_line(line.sentence), line.name)
            table.add_row(*map(Text, row))
    return table
