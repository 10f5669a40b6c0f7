"""What ``plan`` prints as text: the workload, and a table of estimates."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from checkout_assets.cli.console import table_console
from checkout_assets.domain.counting import byte_size, counted, in_number
from checkout_assets.domain.planning.estimate import Estimate
from checkout_assets.domain.planning.workload import InventoryFacts, Workload

_MOST_NAMED = 5


def workload_lines(work: Workload, counted_by_hand: bool = False) -> Iterator[str]:
    """Lines about the workload; archived objects by storage class, and folders without objects."""
    yield (
        f"{counted(len(work.folders), 'folder')}, {counted(work.objects, 'object')}, "
        f"{byte_size(work.total_bytes)}; {counted(work.read, 'document')} to structure."
    )
    if work.present:
        yield f"Raw holds {counted(work.present, 'further object')} of the source already."
    for name, count in sorted(work.archived.items()):
        yield (
            f"Archived ({name}): {counted(count, 'object')}. Restore them before copying; that "
            "costs more and is not planned here."
        )
    if work.missing and not counted_by_hand:
        named = ", ".join(work.missing[:_MOST_NAMED])
        more = ", ..." if len(work.missing) > _MOST_NAMED else ""
        yield f"No object is in {counted(len(work.missing), 'folder')}: {named}{more}."
    if work.inventory:
        yield from _inventory_lines(work.inventory)


def _inventory_lines(facts: InventoryFacts) -> Iterator[str]:
    yield (
        f"By an S3 Inventory of {facts.taken_at:%Y-%m-%d %H:%M} UTC: it may lack objects that were "
        "written or deleted shortly before, and does not know later ones."
    )
    if facts.elsewhere:
        yield in_number(facts.elsewhere, "# other object[|s] of it [is|are] not in these folders.")
    if facts.in_parts:
        yield in_number(
            facts.in_parts,
            "# object[|s] [was|were] uploaded in parts: such a tag does not tell the bytes, so a "
            "copy is compared by its size.",
        )
    for name, count in sorted(facts.encryptions.items()):
        if name in _ENCRYPTIONS_TOLD:
            yield f"{name}: {counted(count, 'object')}. {_ENCRYPTIONS_TOLD[name]}"
    if facts.lacking:
        yield (
            f"It does not have {', '.join(facts.lacking)}: add these fields to its configuration "
            "to have archived, multipart and encrypted objects counted."
        )


_ENCRYPTIONS_TOLD = {
    "SSE-C": "They cannot be copied: S3 would need the key of whoever wrote them.",
    **dict.fromkeys(
        ("SSE-KMS", "DSSE-KMS"),
        "Copying needs kms:Decrypt with their keys; requests to KMS are not planned here.",
    ),
}
"""What an encryption status means for copying."""


def inventory_document(work: Workload) -> dict[str, Any] | None:
    """What an S3 Inventory says beside the loads, for programs; None without one."""
    if work.inventory is None:
        return None
    return {**asdict(work.inventory), "taken_at": work.inventory.taken_at.isoformat()}


def print_plan(found: Sequence[Estimate]) -> None:
    """Print one row per stage and kind of machines on standard output."""
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
