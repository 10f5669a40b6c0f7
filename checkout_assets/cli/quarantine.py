"""``checkout-assets quarantine``: list, show and retry documents that are not orders."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from checkout_assets.cli import structure
from checkout_assets.cli.console import print_json, print_lines, say_some
from checkout_assets.cli.groups import add_group
from checkout_assets.cli.interrupts import STRUCTURES_ANEW
from checkout_assets.cli.options import Folders, Json, existing_lake, usable_places
from checkout_assets.cli.quarantine_report import (
    count_document,
    count_lines,
    object_document,
    object_lines,
    retry_document,
    retry_lines,
)
from checkout_assets.cli.settings_options import settings_options, settings_with
from checkout_assets.domain.anomalies import structured_rules
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.quarantine import (
    DOCUMENT_REASONS,
    REASONS,
    FolderQuarantine,
    Quarantine,
)

_STANDARD_OUTPUT = "-"
_OWNER_ONLY = 0o600
INTERRUPTED = STRUCTURES_ANEW
_EXAMPLES = """\b
Examples:
  checkout-assets quarantine list --lake ./lake
  checkout-assets quarantine list --lake ./lake --objects 0A_CheckoutOrder
  checkout-assets quarantine show --lake ./lake 0A_CheckoutOrder 3f9a61c2b07d
  checkout-assets quarantine retry --raw s3://raw --lake ./lake --reason no_id
"""


OneFolder = Annotated[str, typer.Argument(metavar="FOLDER", help="The folder's name.")]
ObjectName = Annotated[
    str,
    typer.Argument(
        metavar="OBJECT", help="Its source key, or the digest that list --objects shows."
    ),
]
BodyFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Also write its bytes, unchanged, to this new file; - is standard output. They may "
        "hold personal and payment data.",
    ),
]
Reasons = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REASON",
        help="Only folders that hold objects of this reason; may be given several times. Without "
        "it, folders that hold documents of any reason.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app,
        "quarantine",
        {"list": list_, "show": show, "retry": retry},
        told="List, show and retry documents that are not orders. Documents are not edited here: "
        "fix them at the source.",
        examples=_EXAMPLES,
    )


@settings_options("lake_uri", "show_object_names")
def list_(
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    objects: Annotated[
        bool, typer.Option("--objects", help="Also list each object, by a digest of its name.")
    ] = False,
    json: Json = False,
) -> int:
    """Count the objects in quarantine by folder and reason.

    Reads the quarantine files that the publication records name, of all structured folders unless
    some are named.
    """
    settings = settings_with(**given)
    chosen = select_folders(folders or ["all"])
    quarantine = Quarantine(existing_lake(settings).open())
    told = quarantine.count(chosen)
    holding = [each.folder for each in told if each.by_reason] if objects else []
    found = {folder: list(quarantine.objects(folder)) for folder in holding}
    unknown = _unknown(told, named=bool(folders))
    if json:
        document = count_document(told, found if objects else None, settings.show_object_names)
        print_json("quarantine list", not unknown, document)
    else:
        print_lines(count_lines(told, found, settings.show_object_names))
    say_some(unknown)
    return 1 if unknown else 0


@settings_options("lake_uri", "show_object_names")
def show(
    *,
    folder: OneFolder,
    named: ObjectName,
    given: Mapping[str, object],
    body: BodyFile = None,
    json: Json = False,
) -> int:
    """Show why one object is in quarantine."""
    if json and body == _STANDARD_OUTPUT:
        raise UsageError("--json and --body - both want standard output: use --body FILE.")
    settings = settings_with(**given)
    chosen = Folder.parse(folder)
    quarantine = Quarantine(existing_lake(settings).open())
    found = quarantine.find(chosen, named)
    if body is not None:
        _write(quarantine.body(found), body)
    described = object_document(found, settings.show_object_names)
    if json:
        print_json("quarantine show", complete=True, document={"folder": chosen.name, **described})
    elif body == _STANDARD_OUTPUT:
        say_some(object_lines(described))
    else:
        print_lines(object_lines(described))
    return 0


@settings_options("raw_uri", "lake_uri", "vanished")
def retry(
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    reason: Reasons = None,
    json: Json = False,
) -> int:
    """Structure folders with quarantined documents again.

    Works like structure. Use it after a rule was fixed, or after documents were fixed at the
    source and copied again. All structured folders unless some are named.
    """
    settings = settings_with(**given)
    reasons = _reasons(reason or ())
    chosen = select_folders(folders or ["all"])
    usable_places(settings, "raw", "lake")
    quarantine = Quarantine(existing_lake(settings).open())
    before = quarantine.count(chosen)
    unknown = _unknown(before, named=bool(folders))
    holding = [told.folder for told in before if reasons & told.by_reason.keys()]
    results = structure.run_folders(settings, holding) if holding else []
    after = {told.folder: told for told in quarantine.count(holding)}
    rules = structured_rules(settings.allowance)
    if json:
        complete = structure.is_complete(results, rules) and not unknown
        structured = structure.document(results, rules)
        print_json("quarantine retry", complete, retry_document(before, after, structured))
    else:
        print_lines(retry_lines(before, after))
    say_some(unknown)
    return max(structure.conclude(results, rules), 1 if unknown else 0)


def _reasons(given: Sequence[str]) -> frozenset[str]:
    for reason in given:
        if reason not in REASONS:
            raise UsageError(
                f'"{displayable(reason)}" is not a quarantine reason; the reasons are '
                f"{', '.join(REASONS)}."
            )
    return frozenset(given or DOCUMENT_REASONS)


def _unknown(told: Sequence[FolderQuarantine], named: bool) -> list[str]:
    """Sentences about missing counts; about unstructured folders only if they were ``named``."""
    if not named and not any(each.structured for each in told):
        return ["No folder is structured in this lake: is it the right one?"]
    return [each.error for each in told if each.error and (named or each.structured)]


def _write(data: bytes, where: str) -> None:
    if where == _STANDARD_OUTPUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(where)
    try:
        path.touch(mode=_OWNER_ONLY, exist_ok=False)
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"The bytes cannot be written to {displayable(where)} "
            f"({(error.strerror or 'it failed').lower()}): name a new file."
        ) from None
