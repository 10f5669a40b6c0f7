"""The console script: handles interrupts from the first import on."""

import contextlib
import os
from types import FrameType

from checkout_assets.cli.interrupts import INTERRUPTED, SENTENCE, on_interrupt


def main() -> None:
    """Run this process's command line, and end the process with its exit code."""
    on_interrupt(_leave)
    # During a second of imports nothing needs to be ended, and a library could hide an exception.
    from checkout_assets.cli.main import main as run_command_line

    run_command_line()


def _leave(_number: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{SENTENCE}\n".encode())
    os._exit(INTERRUPTED)
