"""The output of a copy: a line per folder, a table, or JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from checkout_assets.cli.console import say, say_some, shown
from checkout_assets.domain.anomalies import RAW_RULES, Finding
from checkout_assets.domain.counting import byte_size, counted, in_number, of_folders
from spark_jobs.contract.words import ObjectKind, Status

if TYPE_CHECKING:
    from checkout_assets.engines.copying.result import FolderCopied

_TABLE_HEAD = ("folder", "complete", "copied", "present", "failed", "size", "rate", "time")


def copied_line(copied: "FolderCopied") -> str:
    """One line for a folder that is complete."""
    facts = copied.facts
    return (
        f"{copied.folder}: {counted(facts.in_raw, 'object')}, {facts.status(Status.COPIED):,} "
        f"copied, {byte_size(facts.total_bytes)}, {copied.seconds:.1f} s"
    )


def copy_summary(results: "Sequence[FolderCopied]") -> list[str]:
    """The sums of all folders, notes, and a table of the folders."""
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
        "uploaded in parts).",
    }
    lines += [
        in_number(total[count], sentence)
        for count, sentence in worth_knowing.items()
        if total[count]
    ]
    return [*lines, *_flags(results), *_table(results)]


def _table(results: "Sequence[FolderCopied]") -> list[str]:
    """A row per folder, in aligned columns."""
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
    """A line per check that warns, with its folders."""
    flagged: dict[str, list[str]] = {}
    for copied in results:
        for finding in _warnings(copied):
            flagged.setdefault(finding.rule, []).append(copied.folder.name)
    return [f"{rule} warns of {', '.join(names)}." for rule, names in flagged.items()]


def _warnings(copied: "FolderCopied") -> list[Finding]:
    findings = [rule.judge(copied.facts) for rule in RAW_RULES]
    return [finding for finding in findings if copied.ok and not finding.passed]


def conclude_copy(results: "Sequence[FolderCopied]", show_names: bool) -> int:
    """Print what is not complete; returns the exit code."""
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


def copy_document(results: "Sequence[FolderCopied]", show_names: bool) -> dict[str, Any]:
    """The results as JSON; object names are masked unless ``show_names``."""
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
