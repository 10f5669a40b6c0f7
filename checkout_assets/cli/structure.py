"""``checkout-assets structure``: structure copied folders with Spark on this machine."""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from checkout_assets.cli.console import print_json, print_lines, say, terminal
from checkout_assets.cli.help_texts import FOLDER_HELP
from checkout_assets.cli.interrupts import STRUCTURES_ANEW
from checkout_assets.cli.options import Folders, Json, new_run_id, usable_places
from checkout_assets.cli.settings_options import settings_options, settings_with
from checkout_assets.domain.anomalies import Finding, Rule, Severity, structured_rules
from checkout_assets.domain.counting import counted, in_number, of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.domain.planning.requests import FOLDERS_PER_JOB
from checkout_assets.domain.slices import slices
from checkout_assets.engines.structuring.choices import StructureChoices
from checkout_assets.settings import Settings
from spark_jobs.contract.totals import StructureTotals

if TYPE_CHECKING:
    from checkout_assets.engines.seam import FolderEngine
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder

Rules = Sequence[Rule[StructureTotals]]
INTERRUPTED = STRUCTURES_ANEW
_EXAMPLES = f"""{FOLDER_HELP}\b
Examples:
  checkout-assets structure --raw s3://raw --lake ./lake 0A_CheckoutOrder
  checkout-assets structure --raw s3://raw --lake s3://lake all
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("structure", epilog=_EXAMPLES)(structure)


@settings_options(
    "raw_uri",
    "lake_uri",
    *StructureChoices.model_fields,
    "raw_account",
    "lake_encryption",
    "lake_kms_key",
)
def structure(
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    json: Json = False,
) -> int:
    """Structure copied folders into Parquet tables.

    Reads the objects that the folder's manifest names, converts every document to a row, puts
    documents that are not orders into quarantine, and publishes all rows of the folder at once.
    Running it again replaces a folder's rows with the same rows. Refuses a folder that was not
    copied.
    """
    from checkout_assets.engines.planning.planning import refuse_costly_plan

    settings = settings_with(**given)
    refuse_costly_plan(settings)
    chosen = select_folders(folders or [])
    results = run_folders(settings, chosen)
    rules = structured_rules(settings.allowance)
    if json:
        complete = is_complete(results, rules)
        print_json("structure", complete, document(results, rules))
    else:
        print_lines(_summary(results))
    return conclude(results, rules)


def run_folders(settings: Settings, folders: Sequence[Folder]) -> "list[StructuredFolder]":
    """Structure folders on this machine, sixteen per Spark job; their results in key order."""
    from checkout_assets.engines.structuring.leftovers import LeftoverWatch
    from checkout_assets.engines.structuring.session import LocalSpark, local_spark_config
    from checkout_assets.engines.structuring.spark_engine import LocalSparkEngine

    places = usable_places(settings, "raw", "lake")
    raw, lake = places["raw"], places["lake"]
    with closing(LocalSpark(local_spark_config(settings.spark_master))) as spark:
        engine = LocalSparkEngine(raw, lake, spark.session, settings, cancel_start=spark.cancel)
        engine.check(folders)
        watched = LeftoverWatch(engine, lake)
        with closing(_results(watched, folders)) as results:
            ended = [_tell(result) for result in _with_bar(results, len(folders))]
    return sorted(ended, key=lambda result: result.folder)


def _results(
    engine: "FolderEngine[StructuredFolder]", folders: Sequence[Folder]
) -> "Generator[StructuredFolder, None, None]":
    run_id = new_run_id()
    for piece in slices(folders, FOLDERS_PER_JOB):
        yield from engine.run(piece, run_id)


def _with_bar(results: "Iterable[StructuredFolder]", total: int) -> "Iterable[StructuredFolder]":
    """The results; on a terminal with a progress bar."""
    from rich.progress import track

    return track(
        results,
        "structuring",
        total=total,
        console=terminal(),
        transient=True,
        disable=not terminal().is_terminal,
    )


def _tell(result: "StructuredFolder") -> "StructuredFolder":
    if not terminal().is_terminal:
        say(_line(result) if result.ok else result.error)
    return result


def _line(result: "StructuredFolder") -> str:
    totals = result.totals
    return (
        f"{result.folder}: {counted(totals.rows, 'row')} in {counted(result.files, 'file')}, "
        f"{totals.quarantined_documents:,} quarantined, {result.seconds:.1f} s"
    )


def _summary(results: "Sequence[StructuredFolder]") -> list[str]:
    complete = [result for result in results if result.ok]
    quarantined: Counter[str] = Counter()
    decoded: Counter[str] = Counter()
    for result in complete:
        quarantined.update(result.totals.quarantined)
        decoded.update(result.totals.decoded)
    lines = [
        f"{of_folders(len(complete), len(results))} structured and published: "
        f"{counted(sum(result.totals.rows for result in complete), 'row')} in "
        f"{counted(sum(result.files for result in complete), 'file')}."
    ]
    lines += [f"{count:,} quarantined: {reason}." for reason, count in sorted(quarantined.items())]
    lines += [f"{count:,} decoded: {form}." for form, count in sorted(decoded.items())]
    rescued = sum(result.totals.rescued_values for result in complete)
    if rescued:
        lines.append(in_number(rescued, "# value[|s] without a column [is|are] in _rescued."))
    by_creation = sum(result.totals.dated_by_creation for result in complete)
    if by_creation:
        lines.append(
            f"{counted(by_creation, 'row')} without a usable LastChange: dated by CreationDate."
        )
    card_numbers = sum(sum(result.totals.card_numbers.values()) for result in complete)
    if card_numbers:
        lines.append(
            f"Possible card numbers outside payments: {card_numbers:,}. See docs/runbook.md, "
            "no_card_numbers_outside_payments."
        )
    return lines


def is_complete(results: "Sequence[StructuredFolder]", rules: Rules) -> bool:
    """Whether every folder is published and passes its checks."""
    return not any(_problem(result, rules) for result in results)


def document(results: "Sequence[StructuredFolder]", rules: Rules) -> dict[str, Any]:
    """The results as JSON."""
    return {
        "folders": [
            {
                "folder": result.folder.name,
                "ok": not _problem(result, rules),
                "error": _problem(result, rules),
                "files": result.files,
                "seconds": result.seconds,
                "totals": asdict(result.totals),
                "warnings": _failed_rules(result, rules, Severity.WARN),
                "errors": _failed_rules(result, rules, Severity.ERROR),
            }
            for result in results
        ],
    }


def conclude(results: "Sequence[StructuredFolder]", rules: Rules) -> int:
    """Print what is not complete; returns the exit code."""
    problems = [told for result in results if (told := _problem(result, rules))]
    if not problems:
        return 0
    say(of_folders(len(problems), len(results), " [is|are] not complete:"))
    for told in problems:
        say(displayable(told, longest=1000))
    return 1


def _problem(result: "StructuredFolder", rules: Rules) -> str:
    """Why the folder is not complete: it failed, or what was published fails a check."""
    failed = _findings(result, rules, Severity.ERROR)
    told = " ".join(f"{found.summary} See docs/runbook.md#{found.anchor}." for found in failed)
    return result.error or (f"{result.folder}: {told}" if told else "")


def _failed_rules(result: "StructuredFolder", rules: Rules, severity: Severity) -> list[str]:
    return [found.rule for found in _findings(result, rules, severity)]


def _findings(result: "StructuredFolder", rules: Rules, severity: Severity) -> list[Finding]:
    """The failed checks of a published folder; of any other, only its error is known."""
    findings = [rule.judge(result.totals) for rule in rules] if result.ok else []
    return [found for found in findings if found.severity is severity and not found.passed]
