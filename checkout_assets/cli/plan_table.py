"""What ``plan`` prints for people: what there is to do, and a table of what it takes."""

from collections.abc import Iterator, Sequence

from checkout_assets.cli.console import table_console
from checkout_assets.domain.counting import byte_size, counted
from checkout_assets.domain.planning.estimate import Estimate
from checkout_assets.domain.planning.workload import Workload


def workload_lines(work: Workload) -> Iterator[str]:
    """What there is to do; archived objects by their storage class."""
    yield (
        f"{counted(len(work.folders), 'folder')}, {counted(work.objects, 'object')}, "
        f"{byte_size(work.total_bytes)}; {counted(work.read, 'document')} to structure."
    )
    for name, count in sorted(work.archived.items()):
        yield (
            f"Archived ({name}): {counted(count, 'object')}. Restore them before copying; that "
            "costs more and is not planned here."
        )


def print_plan(found: Sequence[Estimate]) -> None:
    """One row per stage and choice of machines, on standard output."""
    from rich.table import Table

    table = Table("", "machines", "market", box=None)
    for name in ("requests", "hours", "dollars: requests", "transfer", "machines", "together"):
        table.add_column(name, justify="right")
    for each in found:
        table.add_row(*_row(each))
    table_console().print(table)


def _row(each: Estimate) -> Iterator[str]:
    yield each.stage
    yield each.machines.called
    yield each.machines.market if each.machines.types else ""
    yield f"{each.requests.total:,}"
    slow = f" to {each.most_hours:,.1f}" if each.most_hours > each.hours else ""
    yield f"{each.hours:,.1f}{slow}"
    for dollars in (
        each.requests_dollars,
        each.transfer_dollars,
        each.machines_dollars,
        each.dollars,
    ):
        yield f"{dollars:,.2f}"
