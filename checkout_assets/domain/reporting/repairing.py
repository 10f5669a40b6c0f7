"""How to repair red folders: what to copy or structure again, and what to examine first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from shlex import quote

from checkout_assets.domain.folders import Folder, words_for
from checkout_assets.domain.reconciliation import Reason, State
from checkout_assets.domain.reporting.outcome import ReportedFolder

_COPY = {
    Reason.FOLDER_MISSING,
    Reason.MANIFEST_BROKEN,
    Reason.NOT_COPIED,
    Reason.OBJECTS_DIFFER,
    Reason.OBJECTS_MISSING,
}
_STRUCTURE = {
    Reason.FILES_MISSING,
    Reason.NOT_STRUCTURED,
    Reason.PUBLISHING_UNFINISHED,
    Reason.ROWS_DO_NOT_ADD_UP,
    Reason.SOURCE_KEYS_TWICE,
    Reason.STRUCTURED_FROM_OLDER_COPY,
}
_COPY_CODES = {reason.code for reason in _COPY}
_KNOWN_CODES = _COPY_CODES | {reason.code for reason in _STRUCTURE}


class Remedy(Enum):
    """The action that makes a folder complete again."""

    COPY = "Copy again, then structure"
    STRUCTURE = "Structure again"
    LOOK = "Look first: running again does not help"


@dataclass(frozen=True, slots=True)
class Repair:
    """A remedy for some folders: words that select them, and the commands, one per line."""

    remedy: Remedy
    words: tuple[str, ...]
    commands: tuple[str, ...]

    @property
    def launchpad(self) -> str:
        """The run config for repair_folders in the Launchpad; empty if the job does not help."""
        return f"folders: [{', '.join(self.words)}]" if self.commands else ""


def repairs(folders: Iterable[ReportedFolder], places: Mapping[str, str]) -> list[Repair]:
    """The remedies for the red folders; ``places`` are the URIs of source, raw and lake."""
    needed: dict[Remedy, list[Folder]] = {}
    for each in folders:
        if each.state == State.RED:
            needed.setdefault(remedy_of(each), []).append(Folder.parse(each.folder))
    return [
        _repair(remedy, words_for(needed[remedy]), places) for remedy in Remedy if remedy in needed
    ]


def remedy_of(folder: ReportedFolder) -> Remedy:
    """The remedy for a red folder; LOOK if no run can remove one of its reasons."""
    codes = {line.name for line in folder.lines if line.state == State.RED}
    if codes - _KNOWN_CODES:
        return Remedy.LOOK
    return Remedy.COPY if codes & _COPY_CODES else Remedy.STRUCTURE


def _repair(remedy: Remedy, words: tuple[str, ...], places: Mapping[str, str]) -> Repair:
    named = " ".join(words)
    copy = f"checkout-assets copy{_options(places, 'source', 'raw')} {named}"
    structure = f"checkout-assets structure{_options(places, 'raw', 'lake')} {named}"
    commands = {Remedy.COPY: (copy, structure), Remedy.STRUCTURE: (structure,)}
    return Repair(remedy, words, commands.get(remedy, ()))


def _options(places: Mapping[str, str], *names: str) -> str:
    return "".join(f" --{name} {quote(places[name])}" for name in names if places.get(name))
