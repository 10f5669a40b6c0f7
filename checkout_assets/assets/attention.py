"""Red and flagged folders for the top of Dagster's page: sentence, count and link for each."""

import re
from collections.abc import Iterable, Sequence

import dagster as dg

from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.reconciliation import State
from checkout_assets.domain.reporting.outcome import Line, ReportedFolder

_SHOWN_AT_ONCE = 1000
"""Characters of Markdown that Dagster shows without a click."""

_MARKS = {State.RED.value: "🟥", State.YELLOW.value: "🟨"}
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~&:@])")
_MORE = "\n\n… and {:,} more, all in the tables below."


def told_first(folders: Sequence[ReportedFolder], runbook: Runbook) -> dg.MarkdownMetadataValue:
    """List as many folders as Dagster shows without a click, with one line per finding."""
    lines = [_line(each, line, runbook) for each in folders for line in each.lines]
    if not lines:
        return dg.MetadataValue.md("🟩 Nothing: every folder is complete and no check warns.")
    room = _SHOWN_AT_ONCE - len(_MORE.format(len(lines))) - 1
    shown: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    left = len(lines) - len(shown)
    return dg.MetadataValue.md("\n".join(shown) + (_MORE.format(left) if left else ""))


def folder_table(folders: Iterable[ReportedFolder]) -> dg.TableMetadataValue:
    """A table of folders: every sentence, the count of the first, the runbook's sections."""
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "folder": each.folder,
                    "reason": each.sentence,
                    "count": each.count,
                    "runbook": ", ".join(line.name for line in each.lines),
                }
            )
            for each in folders
        ],
        schema=dg.TableSchema(
            columns=[
                dg.TableColumn("folder", "string"),
                dg.TableColumn("reason", "string"),
                dg.TableColumn("count", "int"),
                dg.TableColumn("runbook", "string", description="sections of docs/runbook.md"),
            ]
        ),
    )


def _line(folder: ReportedFolder, line: Line, runbook: Runbook) -> str:
    link = runbook.link(line.name)
    what = f"[what to do]({link})" if link else f"docs/runbook.md, {_escaped(line.name)}"
    return f"- {_MARKS[line.state]} `{folder.folder}` {_escaped(line.sentence)} {what}"


def _escaped(text: str) -> str:
    """Escape the text so that Markdown shows it unchanged."""
    return _MARKUP.sub(r"\\\1", text)
