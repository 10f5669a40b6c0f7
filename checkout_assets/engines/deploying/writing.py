"""Writing a deployment's files without replacing files that were edited or are not ours."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.deploying.files import MARK, DeployedFile


class FileState(StrEnum):
    """What was done with a file of the deployment."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    DIFFERS = "differs"
    """It differs from what the settings give, and was left unchanged."""
    KEPT = "kept"
    """It exists and was left unchanged, because its content is the user's."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What was done with a file; ``name`` is relative to the directory."""

    name: str
    state: FileState


def write_deployment(
    directory: Path, files: Iterable[DeployedFile], replace: bool
) -> Sequence[FileOutcome]:
    """Write the missing files; with ``replace`` also those that differ.

    Raises UsageError if the directory has other files, or cannot be written.
    """
    try:
        _refuse_foreign(directory)
        return [_put(directory, each, replace) for each in files]
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(
            f"The directory {displayable(str(directory))} cannot be used ({reason}): choose "
            "another one, or give this user access to it."
        ) from None


def _refuse_foreign(directory: Path) -> None:
    if not directory.exists() or not any(directory.iterdir()):
        return
    config = directory / "dagster.yaml"
    if not (config.is_file() and config.read_text("utf-8", "replace").startswith(MARK)):
        raise UsageError(
            f"The directory {displayable(str(directory))} holds other files than those of a "
            "deployment: choose a new or an empty one."
        )


def _put(directory: Path, file: DeployedFile, replace: bool) -> FileOutcome:
    path = directory / file.name
    state = _state(path, file, replace)
    if state in {FileState.WRITTEN, FileState.REPLACED}:
        _write(path, file)
    else:
        path.chmod(file.mode)
    return FileOutcome(file.name, state)


def _state(path: Path, file: DeployedFile, replace: bool) -> FileState:
    if not path.exists():
        return FileState.WRITTEN
    if file.is_kept:
        return FileState.KEPT
    if path.read_text("utf-8", "replace") == file.text:
        return FileState.UNCHANGED
    return FileState.REPLACED if replace else FileState.DIFFERS


def _write(path: Path, file: DeployedFile) -> None:
    """Write the file atomically; it has its mode from the beginning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(file.text)
    temporary.chmod(file.mode)
    temporary.replace(path)
