"""Check what Spark needs of this machine before it starts: open files, and disk space."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.open_files import ensure_open_files
from checkout_assets.settings import MachineSettings

_PROBE = bytes(1024 * 1024)


def check_machine() -> None:
    """Raise UsageError if this machine's limits or its disk prevent Spark from working."""
    ensure_open_files()
    check_scratch()


def check_scratch() -> None:
    """Raise UsageError if a directory that Spark will write to is full or not writable."""
    for directory in scratch_directories():
        try:
            _write_probe(Path(directory))
        except OSError as error:
            raise UsageError(
                f"Spark cannot write to {displayable(directory)}: {os.strerror(error.errno or 0)}. "
                "Make room there, or set SPARK_LOCAL_DIRS (or TMPDIR) to a directory with room."
            ) from None


def scratch_directories() -> Sequence[str]:
    """Return SPARK_LOCAL_DIRS and the temporary directory, where Spark always writes a little."""
    named = MachineSettings().spark_local_dirs.split(",")
    return [*filter(None, map(str.strip, named)), _temporary_directory()]


def _temporary_directory() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        raise UsageError(
            "No temporary directory can be written: set TMPDIR to a directory with room."
        ) from None


def _write_probe(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory) as probe:
        probe.write(_PROBE)
        probe.flush()
