"""The console script: answers an interrupt from the first import on."""

import contextlib
import os
from types import FrameType

from checkout_assets.cli.interrupts import INTERRUPTED, SENTENCE, on_interrupt


def main() -> None:
    """Run the command line of this process, and end the process with its exit code."""
    on_interrupt(_leave)
    # A second of imports: nothing is to be ended yet, and a library could swallow an exception.
    from checkout_assets.cli.main import main as run_command_line

    run_command_line()


def _leave(_number: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{SENTENCE}\n".encode())
    os._exit(INTERRUPTED)
