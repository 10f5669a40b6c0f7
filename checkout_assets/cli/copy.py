"""``checkout-assets copy``: copy what is missing or different, and verify it."""

import gc
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checkout_assets.cli.console import (
    print_json,
    print_lines,
    say,
    say_some,
    shown,
    terminal,
)
from checkout_assets.cli.copy_options import settings_options
from checkout_assets.cli.copy_progress import Bars, Lines
from checkout_assets.cli.copy_reporting import (
    Deadline,
    Report,
    RunId,
    Silence,
    checked_run_id,
    report_terms,
    reporting,
)
from checkout_assets.cli.options import (
    Folders,
    Json,
    ShowNames,
    settings_with,
    usable_places,
)
from checkout_assets.domain.anomalies import RAW_RULES, Finding
from checkout_assets.domain.counting import byte_size, counted, in_number, of_folders
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.copying.choices import CopySettings
from checkout_assets.engines.worker.reports import FolderReport
from checkout_assets.settings import Settings
from spark_jobs.contract.words import ObjectKind, Status

if TYPE_CHECKING:
    from checkout_assets.engines.copying.engine import CopyOptions
    from checkout_assets.engines.copying.result import FolderCopied
    from checkout_assets.engines.worker.reporting import Reporter

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000
_TABLE_HEAD = ("folder", "complete", "copied", "present", "failed", "size", "rate", "time")
_EXAMPLES = """\b
Examples:
  checkout-assets copy --source s3://orders/root --raw s3://import/raw 0A_CheckoutOrder
  checkout-assets copy --source s3://orders/root --raw s3://import/raw --as-of now all
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("copy", epilog=_EXAMPLES)(copy)


@settings_options(*CopySettings.model_fields)
def copy(  # noqa: PLR0913 - a command's options
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    folders_at_once: Annotated[
        int, typer.Option(min=1, max=64, help="Folders copied side by side.")
    ] = 8,
    in_flight: Annotated[
        int, typer.Option(min=1, max=4096, help="Requests under way at once, in all.")
    ] = 1024,
    run_id: RunId = None,
    report: Report = None,
    deadline: Deadline = None,
    silence: Silence = 30,
    json: Json = False,
    show_names: ShowNames = None,
) -> int:
    """Copy what is missing or different, and verify it.

    Lists source and raw, copies on the server side, and lists raw again.

    Running it again copies only what is still missing. Nothing at the source is ever changed.
    """
    from checkout_assets.engines.copying.engine import CopyOptions

    # Rows and requests hold no cycles; looking for some costs a tenth of all.
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    settings = settings_with(**given, show_object_names=show_names)
    chosen = select_folders(folders or [])
    called = f"cli-{secrets.token_hex(4)}" if run_id is None else checked_run_id(run_id)
    terms = report_terms(settings, report, deadline, silence)
    options = CopyOptions.given_by(
        settings, settings, folders_at_once=folders_at_once, in_flight=in_flight
    )
    with reporting(terms, len(chosen)) as reporter:
        results = _run(settings, chosen, options, called, reporter)
    names = settings.show_object_names
    if json:
        complete = all(copied.ok for copied in results)
        print_json("copy", complete, _document(results, names))
    else:
        print_lines(_summary(results))
    return _conclude(results, names)


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
        copy_id = copied.record.copy_id if copied.record else ""
        reporter.finish_folder(
            FolderReport(
                copied.folder, copied.ok, copied.error, copy_id, copied.seconds, copied.failure
            )
        )
    if not terminal().is_terminal:
        say(_line(copied) if copied.ok else copied.error)
    return copied


def _line(copied: "FolderCopied") -> str:
    facts = copied.facts
    return (
        f"{copied.folder}: {counted(facts.in_raw, 'object')}, {facts.status(Status.COPIED):,} "
        f"copied, {byte_size(facts.total_bytes)}, {copied.seconds:.1f} s"
    )


def _summary(results: "Sequence[FolderCopied]") -> list[str]:
    complete = [copied.facts for copied in results if copied.ok]
    total = _totals(results)
    lines = [
        f"{of_folders(len(complete), len(results))} copied and verified: "
        f"{counted(total['in_raw'], 'object')} in raw ({total['copied']:,} copied, "
        f"{total['present']:,} present), {byte_size(total['bytes'])}.",
    ]
    worth_knowing = {
        "newer": "# object[|s] came after the cut-off and [was|were] left out.",
        "vanished": "# object[|s] [is|are] no longer at the source and [stays|stay] in raw.",
        "lost": "# object[|s] [is|are] neither at the source nor in raw any more.",
        "missing_on_source": "# object[|s] [lies|lie] in raw and no manifest names [it|them].",
        "uncompared": "# object[|s] could be compared with the source by size only (KMS, or "
        "sent in parts).",
    }
    lines += [
        in_number(total[count], sentence)
        for count, sentence in worth_knowing.items()
        if total[count]
    ]
    return [*lines, *_flags(results), *_table(results)]


def _table(results: "Sequence[FolderCopied]") -> list[str]:
    """A row for each folder, in columns."""
    rows = [_TABLE_HEAD, *map(_row, results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]


def _row(copied: "FolderCopied") -> tuple[str, ...]:
    facts = copied.facts
    counts = (facts.status(s) for s in (Status.COPIED, Status.PRESENT, Status.FAILED))
    return (
        copied.folder.name,
        "yes" if copied.ok else "NO",
        *(f"{count:,}" for count in counts),
        byte_size(facts.total_bytes),
        f"{facts.in_raw / copied.seconds:,.0f}/s" if copied.seconds else "",
        f"{copied.seconds:.1f} s",
    )


def _flags(results: "Sequence[FolderCopied]") -> list[str]:
    """A line for each check that warns, with its folders."""
    flagged: dict[str, list[str]] = {}
    for copied in results:
        for finding in _warnings(copied):
            flagged.setdefault(finding.rule, []).append(copied.folder.name)
    return [f"{rule} warns of {', '.join(names)}." for rule, names in flagged.items()]


def _warnings(copied: "FolderCopied") -> list[Finding]:
    findings = [rule.judge(copied.facts) for rule in RAW_RULES]
    return [finding for finding in findings if copied.ok and not finding.passed]


def _conclude(results: "Sequence[FolderCopied]", show_names: bool) -> int:
    """The last lines say what is not complete; returns the exit code."""
    say_some(note for copied in results for note in copied.notes)
    failed = [copied for copied in results if not copied.ok]
    if not failed:
        return 0
    say_some(
        f"  {shown(failure.source_key, show_names)}: {failure.error}"
        for copied in failed
        for failure in copied.failures
    )
    say(of_folders(len(failed), len(results), " [is|are] not complete:"))
    for copied in failed:
        say(copied.error)
    return 1


def _totals(results: "Sequence[FolderCopied]") -> dict[str, int]:
    counts = [_counts(copied) for copied in results]
    return {name: sum(each[name] for each in counts) for name in counts[0]} if counts else {}


def _counts(copied: "FolderCopied") -> dict[str, int]:
    facts = copied.facts
    return {
        "listed": facts.listed,
        "in_raw": facts.in_raw,
        **{status.value: facts.status(status) for status in Status},
        "documents": facts.kind(ObjectKind.DOCUMENT),
        "nested": facts.kind(ObjectKind.NESTED),
        "side": facts.kind(ObjectKind.SIDE),
        "newer": facts.newer,
        "lost": facts.lost,
        "uncompared": facts.uncompared,
        "missing_on_source": facts.missing_on_source,
        "escaped": facts.escaped,
        "near_misses": facts.near_misses,
        "bytes": facts.total_bytes,
        "copied_bytes": facts.copied_bytes,
    }


def _document(results: "Sequence[FolderCopied]", show_names: bool) -> dict[str, Any]:
    return {
        "totals": _totals(results),
        "folders": [
            {
                "folder": copied.folder.name,
                "complete": copied.ok,
                "error": copied.error,
                "seconds": copied.seconds,
                "copy_id": copied.record.copy_id if copied.record else None,
                **_counts(copied),
                "warnings": [finding.rule for finding in _warnings(copied)],
                "failures": [
                    {"object": shown(failure.source_key, show_names), "error": failure.error}
                    for failure in copied.failures
                ],
            }
            for copied in results
        ],
    }
