"""``checkout-assets reconcile``: compare source, raw and lake, and say what is not complete."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checkout_assets.cli.comparing import Comparing, comparing
from checkout_assets.cli.console import (
    drawable,
    print_json,
    print_lines,
    say,
    say_some,
)
from checkout_assets.cli.help_texts import FOLDER_HELP
from checkout_assets.cli.interrupts import BEGINS_ANEW
from checkout_assets.cli.options import (
    Folders,
    Json,
    given_locations,
    given_places,
    new_run_id,
)
from checkout_assets.cli.orphans import orphan_documents
from checkout_assets.cli.settings_options import (
    COMPARING_OPTIONS,
    ComparingRole,
    comparing_settings,
    settings_options,
)
from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.counting import byte_size, counted, of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import ALL_FOLDERS, Folder, select_folders
from checkout_assets.domain.orphans import shown_some
from checkout_assets.domain.reconciliation import FolderReconciled, State, Summary, heat_map
from checkout_assets.domain.reporting.analysts_tables import reported_table
from checkout_assets.domain.siblings import compared_with_siblings
from checkout_assets.engines.silence import OnSilence
from checkout_assets.settings import Settings
from spark_jobs.contract.order_types import OrderType

if TYPE_CHECKING:
    from checkout_assets.engines.reconciling.engine import Reconciler

_WHOLE_MAP = 32
_MOST_ORPHANS = 20
INTERRUPTED = BEGINS_ANEW
_EXAMPLES = f"""{FOLDER_HELP}\b
Examples:
  checkout-assets reconcile --source s3://src --raw s3://raw --lake s3://lake
  checkout-assets reconcile --raw s3://raw --lake s3://lake --deep all
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile", epilog=_EXAMPLES)(reconcile)


@settings_options(*COMPARING_OPTIONS, "catalog", "show_object_names")
def reconcile(
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every data file and verify its content.")
    ] = False,
    role: ComparingRole = None,
    json: Json = False,
) -> int:
    """Compare source, raw and lake; change nothing.

    Compares records and listings, for all 512 folders unless some are named. Without a source, raw
    is compared only with its manifests. With all folders, the analysts' tables are compared too.
    """
    settings = comparing_settings(role, **given)
    names = settings.show_object_names
    chosen = select_folders(folders or ["all"])
    with comparing(len(chosen)) as watching:
        engine = engine_for(settings, deep, watching.on_silence)
        compared, unexpected = compare_folders(engine, chosen, watching)
    results = compared_with_siblings(compared)
    summary = Summary.of(results)
    tables = compared_tables(settings, results, deep=deep)
    if json:
        document = _document(results, summary, unexpected, names)
        document["source_ended"] = engine.ended or None
        document["analysts_tables"] = [asdict(reported_table(each)) for each in tables]
        print_json("reconcile", not summary.red and not _red(tables), document)
    else:
        print_lines([*_over(engine.ended), *_summary(results, summary, unexpected, names)])
        print_lines(each.sentence for each in tables if each not in _red(tables))
    return _conclude(summary, _red(tables))


def compared_tables(
    settings: Settings, results: Sequence[FolderReconciled], *, deep: bool
) -> Sequence[TableCompared]:
    """The analysts' tables compared; none unless all folders were compared.

    Their data files are read if ``deep``.
    """
    from checkout_assets.engines.compacting.comparing import compare_tables

    if len(results) < len(ALL_FOLDERS):
        return ()
    lake = given_locations(settings, "lake")["lake"]
    return compare_tables(lake, settings.catalog, results, lambda _: deep)


def _red(tables: Sequence[TableCompared]) -> Sequence[TableCompared]:
    return [each for each in tables if each.state is State.RED]


def engine_for(settings: Settings, deep: bool, on_silence: OnSilence) -> "Reconciler":
    """The engine for the places in the settings; raises UsageError if a place is unusable."""
    from checkout_assets.engines.locations import S3Location
    from checkout_assets.engines.reconciling.engine import ComparisonTerms
    from checkout_assets.engines.reconciling.places import reconciler_of

    names = given_places(settings, {"source": False, "raw": True, "lake": True})
    places = given_locations(settings, *names)
    source, raw = places.get("source"), places["raw"]
    assert isinstance(source, S3Location | None)
    assert isinstance(raw, S3Location)
    return reconciler_of(
        source,
        raw,
        places["lake"],
        datetime.now(UTC),
        ComparisonTerms(ALL_FOLDERS if deep else (), settings.allowance),
        role_arn=settings.comparing_role_arn,
        on_silence=on_silence,
    )


def compare_folders(
    engine: "Reconciler", folders: Sequence[Folder], watching: Comparing
) -> tuple[list[FolderReconciled], list[str]]:
    """The engine's result per folder, and unexpected entries at the source."""
    from spark_jobs.refusals import meaning_of
    from spark_jobs.stores import StoreError

    results: list[FolderReconciled] = []
    try:
        unexpected = engine.unexpected()
        with closing(engine.run(folders, new_run_id())) as compared:
            for result in compared:
                watching.on_folder()
                results.append(result)
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(f"Nothing was compared: {reason}.") from None
    return results, unexpected


def _summary(
    results: Sequence[FolderReconciled],
    summary: Summary,
    unexpected: Sequence[str],
    show_names: bool,
) -> list[str]:
    quarantined = ", ".join(f"{n:,} {reason}" for reason, n in sorted(summary.quarantined.items()))
    lines = [
        f"{of_folders(summary.complete, summary.asked)} complete, {len(summary.yellow):,} of them "
        "flagged.",
        f"Raw: {counted(summary.objects, 'object')}, {byte_size(summary.total_bytes)}, "
        f"{counted(summary.escaped, 'escaped name')}.",
        f"Lake: {counted(summary.rows, 'row')}, {counted(summary.rescued_values, 'value')} "
        f"rescued; quarantine: {counted(summary.nested, 'nested object')}, "
        f"{quarantined or 'no document'}.",
    ]
    if len(results) >= _WHOLE_MAP:
        states = {result.folder: result.state for result in results}
        for order_type in OrderType:
            lines += ["", f"{order_type}, 00 to FF:", drawable(heat_map(states, order_type))]
    lines += [
        f"{result.folder}: {'; '.join(cause.sentence for cause in result.causes)}."
        for result in summary.yellow
    ]
    lines += [f"Unexpected at the source: {displayable(name)}" for name in unexpected]
    lines += [f"Orphaned in the lake: {told}" for told in _orphaned(results, show_names)]
    return lines


def _orphaned(results: Sequence[FolderReconciled], show_names: bool) -> list[str]:
    everything = [each for result in results for each in result.lake.orphans]
    return shown_some(everything, _MOST_ORPHANS, show_names)


def _over(ended: str) -> list[str]:
    return [f"{ended} Raw and lake were compared with the records only."] if ended else []


def _conclude(summary: Summary, red: Sequence[TableCompared]) -> int:
    """Print what is not complete; returns the exit code."""
    say_some(each.sentence for each in red)
    if summary.red:
        say_some(result.error for result in summary.red)
        say(of_folders(len(summary.red), summary.asked, " [is|are] not complete."))
    return 1 if summary.red or red else 0


def _document(
    results: Sequence[FolderReconciled],
    summary: Summary,
    unexpected: Sequence[str],
    show_names: bool,
) -> dict[str, Any]:
    return {
        "totals": {
            "folders": summary.asked,
            "folders_complete": summary.complete,
            "objects": summary.objects,
            "bytes": summary.total_bytes,
            "rows": summary.rows,
            "quarantined": summary.quarantined,
            "nested": summary.nested,
            "rescued_values": summary.rescued_values,
            "escaped": summary.escaped,
            "orphaned_files": sum(len(result.lake.orphans) for result in results),
        },
        "unexpected": [displayable(name) for name in unexpected],
        "folders": [
            _folder_document(result, show_names)
            for result in sorted(results, key=lambda result: result.folder)
        ],
    }


def _folder_document(result: FolderReconciled, show_names: bool) -> dict[str, Any]:
    return {
        "folder": result.folder.name,
        "state": result.state.value,
        "causes": [
            {"reason": cause.reason.code, "count": cause.count, "text": cause.sentence}
            for cause in result.causes
        ],
        "warnings": list(result.flags),
        "orphaned_files": orphan_documents(result.lake.orphans, show_names),
    }
