"""What ``checkout-assets quarantine`` prints: lines of text, or JSON."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checkout_assets.cli.console import shown
from checkout_assets.domain.counting import byte_size, counted, part_of
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.quarantine import FolderQuarantine, QuarantinedObject

_SHOWN_DIGEST = 12
Objects = Mapping[Folder, Sequence[QuarantinedObject]]
"""The objects in quarantine, by folder; folders without any are left out."""


def count_lines(
    told: Sequence[FolderQuarantine], objects: Objects, show_names: bool
) -> Iterator[str]:
    """A line per folder and reason, its objects if they are given, and the sums."""
    for each in told:
        for reason, count in each.by_reason.items():
            yield f"{each.folder!s:<19} {displayable(reason):<17} {count:>12,}"
        for one in objects.get(each.folder, ()):
            yield (
                f"  {one.digest[:_SHOWN_DIGEST]}  {displayable(one.reason):<17} "
                f"{byte_size(one.size):>9}  {shown(one.source_key, show_names)}"
            )
    structured = [each for each in told if each.ok]
    holding = sum(bool(each.by_reason) for each in structured)
    total = _sum(structured)
    yield (
        f"{counted(total.total(), 'object')} in the quarantine of "
        f"{part_of(holding, len(structured), 'structured folder')}."
    )
    yield from (f"{count:,} {displayable(reason)}." for reason, count in total.items())


def count_document(
    told: Sequence[FolderQuarantine], objects: Objects | None, show_names: bool
) -> dict[str, Any]:
    """The counts as JSON, with each folder's objects if they are given."""
    folders = []
    for each in told:
        folder = {
            "folder": each.folder.name,
            "structured": each.structured,
            "error": each.error,
            "run_id": each.run_id,
            "by_reason": dict(each.by_reason),
        }
        if objects is not None:
            listed = objects.get(each.folder, ())
            folder["objects"] = [object_document(one, show_names) for one in listed]
        folders.append(folder)
    return {
        "totals": {"structured": sum(each.ok for each in told), "by_reason": dict(_sum(told))},
        "folders": folders,
    }


def object_document(found: QuarantinedObject, show_names: bool) -> dict[str, Any]:
    """An object without its content as JSON; untrusted text is made displayable."""
    return {
        "digest": found.digest,
        "object": shown(found.source_key, show_names),
        "raw_object": shown(found.raw_key, show_names),
        "kind": displayable(found.kind),
        "reason": displayable(found.reason),
        "detail": displayable(found.detail),
        "size": found.size,
        "kept_bytes": found.kept,
        "source_etag": displayable(found.source_etag),
        "file": displayable(found.file, longest=1000),
        "row": found.row,
    }


def object_lines(described: Mapping[str, Any]) -> list[str]:
    """The same as lines of text, and where the whole object is if only its start is kept."""
    lines = [f"{name.replace('_', ' '):<12} {value}" for name, value in described.items()]
    kept, size = described["kept_bytes"], described["size"]
    if kept < size:
        lines.append(
            f"The quarantine holds only the first {part_of(kept, size, 'byte')}. The whole object "
            "is in raw, under the key that raw object shows (use --show-names)."
        )
    return lines


def retry_lines(
    before: Sequence[FolderQuarantine], after: Mapping[Folder, FolderQuarantine]
) -> Iterator[str]:
    """How the counts changed, by reason, in the folders that were structured again."""
    old = _sum([each for each in before if each.folder in after])
    new = _sum(list(after.values()))
    yield f"Structured {counted(len(after), 'folder')} with such objects again."
    for reason in sorted(old | new):
        yield f"{displayable(reason)}: {old[reason]:,} before, {new[reason]:,} now."


def retry_document(
    before: Sequence[FolderQuarantine],
    after: Mapping[Folder, FolderQuarantine],
    structured: Mapping[str, Any],
) -> dict[str, Any]:
    """The document of ``structure`` for these folders, with their counts before and after."""
    old = {each.folder: dict(each.by_reason) for each in before}
    return {
        **structured,
        "before": {folder.name: old[folder] for folder in after},
        "after": {folder.name: dict(told.by_reason) for folder, told in after.items()},
    }


def _sum(told: Sequence[FolderQuarantine]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in told:
        total.update(each.by_reason)
    return Counter(dict(sorted(total.items())))
