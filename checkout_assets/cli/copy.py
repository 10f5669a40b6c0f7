"""``checkout-assets copy``: copy what is missing or different, and verify it."""

import gc
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from checkout_assets.cli.console import (
    print_json,
    print_lines,
    say,
    terminal,
)
from checkout_assets.cli.copy_progress import Bars, Lines
from checkout_assets.cli.copy_results import (
    conclude_copy,
    copied_line,
    copy_document,
    copy_summary,
)
from checkout_assets.cli.help_texts import FOLDER_HELP
from checkout_assets.cli.options import Folders, Json, new_run_id, usable_places
from checkout_assets.cli.reporting_options import (
    ReportingOptions,
    ReportTerms,
    checked_run_id,
    report_terms,
)
from checkout_assets.cli.settings_options import settings_options, settings_with
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.copying.choices import CopySettings
from checkout_assets.settings import Settings

if TYPE_CHECKING:
    from checkout_assets.engines.copying.engine import CopyOptions
    from checkout_assets.engines.copying.result import FolderCopied
    from checkout_assets.engines.worker.reporting import Reporter

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000
_EXAMPLES = f"""{FOLDER_HELP}\b
Examples:
  checkout-assets copy --source s3://orders --raw s3://raw 0A_CheckoutOrder
  checkout-assets copy --source s3://orders --raw s3://raw --as-of now all
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("copy", epilog=_EXAMPLES)(copy)


@dataclass(frozen=True)
class _Concurrency:
    """The options for concurrency."""

    folders_at_once: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="How many folders to copy at once.")
    ] = 8
    in_flight: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=4096, help="How many requests to send at once."),
    ] = 1024


@settings_options(*CopySettings.model_fields, "show_object_names")
def copy(
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    concurrency: _Concurrency,
    reporting: ReportingOptions,
    json: Json = False,
) -> int:
    """Copy what is missing or different, and verify it.

    Lists source and raw, lets S3 copy the objects, and lists raw again to verify them.

    Run it again to copy what is still missing. Never changes the source.
    """
    from checkout_assets.engines.copying.engine import CopyOptions
    from checkout_assets.engines.planning.planning import refuse_costly_plan

    _collect_seldom()
    settings = settings_with(**given)
    refuse_costly_plan(settings)
    chosen = select_folders(folders or [])
    run_id = new_run_id()
    if reporting.run_id is not None:
        run_id = checked_run_id(reporting.run_id)
    terms = report_terms(settings, reporting)
    options = CopyOptions.given_by(settings, settings, **asdict(concurrency))
    with _reporting(terms, len(chosen)) as reporter:
        results = _run(settings, chosen, options, run_id, reporter)
    names = settings.show_object_names
    if json:
        complete = all(copied.ok for copied in results)
        print_json("copy", complete, copy_document(results, names))
    else:
        print_lines(copy_summary(results))
    return conclude_copy(results, names)


def _collect_seldom() -> None:
    """Run the garbage collector rarely: there are no cycles, and it takes a tenth of the CPU."""
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)


def _reporting(
    terms: ReportTerms | None, folders: int
) -> "AbstractContextManager[Reporter | None]":
    if terms is None:
        return nullcontext()
    from checkout_assets.cli.copy_reporting import reporting

    return reporting(terms, folders)


def _run(
    settings: Settings,
    folders: Sequence[Folder],
    options: "CopyOptions",
    run_id: str,
    reporter: "Reporter | None",
) -> "list[FolderCopied]":
    from checkout_assets.engines.copying.engine import CopyEngine
    from checkout_assets.engines.copying.progress import Both
    from checkout_assets.engines.locations import S3Location
    from spark_jobs.refusals import meaning_of
    from spark_jobs.stores import StoreError

    places = usable_places(settings, "source", "raw", role_arn=settings.copy_role_arn)
    source, raw = places["source"], places["raw"]
    assert isinstance(source, S3Location)
    assert isinstance(raw, S3Location)
    watching = Bars(len(folders)) if terminal().is_terminal else Lines(len(folders))
    try:
        with watching as progress:
            told = progress if reporter is None else Both(progress, reporter)
            engine = CopyEngine(source, raw, options, told)
            with closing(engine.run(folders, run_id)) as results:
                ended = [_tell(copied, reporter) for copied in results]
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code} in raw")
        raise MigrationError(f"Nothing was copied: {reason}.", error.failure) from None
    return sorted(ended, key=lambda copied: copied.folder)


def _tell(copied: "FolderCopied", reporter: "Reporter | None") -> "FolderCopied":
    if reporter is not None:
        from checkout_assets.engines.worker.reports import FolderReport

        copy_id = copied.record.copy_id if copied.record else ""
        reporter.finish_folder(
            FolderReport(
                copied.folder, copied.ok, copied.error, copy_id, copied.seconds, copied.failure
            )
        )
    if not terminal().is_terminal:
        say(copied_line(copied) if copied.ok else copied.error)
    return copied
