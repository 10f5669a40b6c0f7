"""What ``catalog`` prints: each table's state, and how it differs from its definition."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from checkout_assets.cli.console import table_console
from checkout_assets.domain.counting import counted, in_number
from checkout_assets.domain.displayable import displayable

if TYPE_CHECKING:
    from checkout_assets.engines.cataloging.plain_tables import PlainTableChange

_MOST_FOLDERS = 3


def change_lines(change: "PlainTableChange") -> Iterator[str]:
    """Yield what is to be written of a table, and what queries will not find."""
    yield f"{change.name}: {_told(change)}"
    others = change.folders.others
    if others:
        some = ", ".join(map(displayable, others[:_MOST_FOLDERS]))
        unseen = (
            "# folder[|s] [is|are] not named YEAR=YYYY, MONTH=MM or DAY=DD, so queries do not see "
            "[it|them]"
        )
        yield f"{change.name}: {in_number(len(others), unseen)}: {some}"


def _told(change: "PlainTableChange") -> str:
    storage = change.wanted["StorageDescriptor"]
    if change.found is None:
        columns = counted(len(storage["Columns"]), "column")
        years = counted(len(change.folders.years), "year")
        return f"is not in Glue; to be created with {columns}, over {years} of {_place(storage)}."
    found = len(change.differences)
    return in_number(found, "# value[|s] [differs|differ].") if found else "is up to date."


def _place(storage: Any) -> str:
    return displayable(str(storage["Location"]), 1024)


def print_differences(changes: "Sequence[PlainTableChange]") -> None:
    """Print a table of what differs, if anything does: the value in Glue, and what it becomes."""
    from rich.table import Table
    from rich.text import Text

    rows = [(change.name, each) for change in changes for each in change.differences]
    if not rows:
        return
    table = Table(show_lines=False)
    for title in ("table", "what", "in Glue", "becomes"):
        table.add_column(title, overflow="fold")
    for name, each in rows:
        cells = (name, each.what, each.before, each.after)
        table.add_row(*(Text(displayable(cell)) for cell in cells))
    table_console().print(table)


def changes_as_json(changes: "Sequence[PlainTableChange]", *, written: bool) -> dict[str, Any]:
    """The changes as JSON; names and values that others wrote are displayable text."""
    return {
        "written": written,
        "tables": [
            {
                "table": change.name,
                "state": change.state.value,
                "location": change.wanted["StorageDescriptor"]["Location"],
                "years": list(change.folders.years),
                "folders_not_seen": [displayable(name) for name in change.folders.others],
                "differences": [
                    {"what": displayable(each.what), "before": each.before, "after": each.after}
                    for each in change.differences
                ],
            }
            for change in changes
        ],
    }
