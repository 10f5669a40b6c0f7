"""The table that ``checkout-assets report`` prints."""

from checkout_assets.cli.console import table_console
from checkout_assets.domain.counting import byte_size, counted, of_folders
from checkout_assets.domain.displayable import one_line
from checkout_assets.domain.reporting.listings import told_listings
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome


def print_table(outcome: ReconciliationOutcome) -> None:
    """Print the totals, and a row per reason of a red or flagged folder, on standard output."""
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


def _table(outcome: ReconciliationOutcome) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table("state", "folder", "what to know", "runbook")
    for each in outcome.folders:
        for line in each.lines:
            row = (line.state, each.folder, one_line(line.sentence), line.name)
            table.add_row(*map(Text, row))
    return table
