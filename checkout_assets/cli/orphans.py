"""``checkout-assets orphans``: list and remove files in the lake that no record names."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checkout_assets.cli.console import print_json, print_lines, say, say_some
from checkout_assets.cli.groups import add_group
from checkout_assets.cli.options import Folders, Json, existing_lake
from checkout_assets.cli.settings_options import settings_options, settings_with
from checkout_assets.domain.counting import byte_size, counted, in_number
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import select_folders
from checkout_assets.domain.orphans import LEAST_AGE, OrphanedFile
from checkout_assets.settings import Settings

if TYPE_CHECKING:
    from checkout_assets.engines.structuring.orphans import FolderCleaned, FolderOrphans

_EXAMPLES = """\b
Examples:
  checkout-assets orphans list --lake ./lake
  checkout-assets orphans remove --lake s3://lake 0A_CheckoutOrder
  checkout-assets orphans remove --lake s3://lake --yes 0A_CheckoutOrder
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app,
        "orphans",
        {"list": list_, "remove": remove},
        told="List and remove orphaned files. An orphaned file is named as a folder's, but the "
        "folder's publication record does not list it, so readers may see rows twice.",
        examples=_EXAMPLES,
    )


@settings_options("lake_uri", "show_object_names")
def list_(
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    json: Json = False,
) -> int:
    """List orphaned files with size and time of last write.

    All 512 folders unless some are named. Changes nothing. File names that this program would not
    give are masked.
    """
    settings = settings_with(**given)
    found = _found(settings, folders)
    _print_found("orphans list", found, settings, json)
    return _say_problems(found)


@settings_options("lake_uri", "show_object_names")
def remove(
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove the files; without it they are only listed.")
    ] = False,
    min_age: Annotated[
        float,
        typer.Option(
            "--min-age", metavar="HOURS", min=0, help="Keep orphaned files younger than this."
        ),
    ] = LEAST_AGE / timedelta(hours=1),
    json: Json = False,
) -> int:
    """Remove the orphaned files of published folders.

    Removes nothing without --yes. The folder's publication record first records what is being
    removed, so that no other run publishes the folder at the same time. A folder without a
    publication record keeps all its files: structure it first.
    """
    settings = settings_with(**given)
    if not yes:
        found = _found(settings, folders)
        _print_found("orphans remove", found, settings, json)
        say(f"Nothing was removed. {_explain_yes(found, timedelta(hours=min_age))}".rstrip())
        return _say_problems(found)
    cleaned = _removed(settings, folders, timedelta(hours=min_age))
    left = [each for each in cleaned if each.problem]
    if json:
        print_json("orphans remove", not left, _cleaned_document(cleaned, settings))
    else:
        print_lines(_cleaned_lines(cleaned, settings))
    return _say_problems(left)


def _explain_yes(found: "Sequence[FolderOrphans]", least_age: timedelta) -> str:
    """A sentence that says which of these files the same command with --yes would remove."""
    now = datetime.now(UTC)
    listed = sum(len(each.orphans) for each in found)
    removable = sum(each.removable(least_age, now) for each in found)
    if not listed:
        return "" if found else "There are no orphaned files."
    if removable == listed:
        return in_number(listed, "Use --yes to remove [this file|these files].")
    kept = (
        "It keeps files younger than --min-age, and those of a folder without a publication "
        "record that can be read."
    )
    if not removable:
        return f"--yes would remove none of these files. {kept}"
    return f"Use --yes to remove {removable:,} of {counted(listed, 'file')}. {kept}"


def _found(settings: Settings, folders: Sequence[str] | None) -> "list[FolderOrphans]":
    from checkout_assets.engines.structuring.orphans import find_orphans
    from spark_jobs.stores import StoreError

    chosen = select_folders(folders or ["all"])
    try:
        return list(find_orphans(existing_lake(settings).open(), chosen))
    except StoreError as error:
        raise MigrationError(f"The lake could not be listed: {error.reason}.") from None


def _removed(
    settings: Settings, folders: Sequence[str] | None, least_age: timedelta
) -> "list[FolderCleaned]":
    from checkout_assets.engines.conditions import refuse_ignored_conditions
    from checkout_assets.engines.structuring.orphans import OrphanRemover
    from spark_jobs.contract.keys import PROBES_IN_LAKE
    from spark_jobs.stores import StoreError

    chosen = select_folders(folders or ["all"])
    lake = existing_lake(settings).open()
    refuse_ignored_conditions(lake, "lake", PROBES_IN_LAKE)
    try:
        return list(OrphanRemover(lake, least_age).run(chosen))
    except StoreError as error:
        raise MigrationError(f"The lake could not be listed: {error.reason}.") from None


def _print_found(
    command: str, found: "Sequence[FolderOrphans]", settings: Settings, json: bool
) -> None:
    if json:
        complete = not any(each.problem for each in found)
        print_json(command, complete, _found_document(found, settings))
    else:
        print_lines(_found_lines(found, settings))


def _found_lines(found: "Sequence[FolderOrphans]", settings: Settings) -> list[str]:
    lines = []
    holding = [each for each in found if each.orphans]
    for folder in holding:
        lines.append(f"{folder.folder}: {_sum(folder.orphans)}")
        lines += [_line(each, settings) for each in folder.orphans]
    everything = [each for folder in holding for each in folder.orphans]
    return [*lines, f"Orphaned: {_sum(everything)} in {counted(len(holding), 'folder')}."]


def _cleaned_lines(cleaned: "Sequence[FolderCleaned]", settings: Settings) -> list[str]:
    lines = []
    for folder in cleaned:
        lines += [f"Removed: {each.shown(settings.show_object_names)}" for each in folder.removed]
        lines += [f"Kept: {each.shown(settings.show_object_names)}" for each in folder.left]
    removed = [each for folder in cleaned for each in folder.removed]
    left = [each for folder in cleaned for each in folder.left]
    return [*lines, f"Removed {_sum(removed)}; kept {_sum(left)}."]


def _found_document(found: "Sequence[FolderOrphans]", settings: Settings) -> dict[str, Any]:
    return {
        "totals": _totals([each for folder in found for each in folder.orphans]),
        "folders": [
            {
                "folder": each.folder.name,
                "orphaned_files": orphan_documents(each.orphans, settings.show_object_names),
                "problem": each.problem,
            }
            for each in found
        ],
    }


def _cleaned_document(cleaned: "Sequence[FolderCleaned]", settings: Settings) -> dict[str, Any]:
    return {
        "removed": _totals([each for folder in cleaned for each in folder.removed]),
        "kept": _totals([each for folder in cleaned for each in folder.left]),
        "folders": [
            {
                "folder": each.folder.name,
                "removed": orphan_documents(each.removed, settings.show_object_names),
                "kept": orphan_documents(each.left, settings.show_object_names),
                "problem": each.problem,
            }
            for each in cleaned
        ],
    }


def orphan_documents(
    orphans: Sequence[OrphanedFile], show_names: bool = False
) -> list[dict[str, Any]]:
    """The orphaned files as JSON, in the form that ``reconcile`` also uses."""
    return [
        {
            "file": each.shown(show_names),
            "size": each.size,
            "last_modified": each.last_modified.astimezone(UTC).isoformat(),
        }
        for each in orphans
    ]


def _totals(orphans: Sequence[OrphanedFile]) -> dict[str, int]:
    return {"files": len(orphans), "bytes": sum(each.size for each in orphans)}


def _sum(orphans: Sequence[OrphanedFile]) -> str:
    size = byte_size(sum(each.size for each in orphans))
    return f"{counted(len(orphans), 'file')}, {size}"


def _line(orphan: OrphanedFile, settings: Settings) -> str:
    written = orphan.last_modified.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    shown = orphan.shown(settings.show_object_names)
    return f"  {byte_size(orphan.size):>9}  {written}  {shown}"


def _say_problems(told: "Sequence[FolderOrphans] | Sequence[FolderCleaned]") -> int:
    """Print what is not known or not removed; returns the exit code."""
    problems = [f"{each.folder}: {each.problem}" for each in told if each.problem]
    say_some(problems)
    return 1 if problems else 0
