"""The console script: answers an interrupt from the first import on."""

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C, SIGTERM or the end of the terminal ended."""

SENTENCE = "Interrupted. What was done stays; run the same command again to go on."


def main() -> None:
    """Run the command line of this process, and end the process with its exit code."""
    on_interrupt(_leave)
    # A second of imports: nothing is to be ended yet, and a library could swallow an exception.
    from checkout_assets.cli.main import main as run_command_line

    run_command_line()


def on_interrupt(handler: Callable[[int, FrameType | None], object]) -> None:
    """Handle Ctrl-C, SIGTERM and the end of the terminal alike, unless the shell ignores them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
            signal.signal(number, handler)


def _leave(_number: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{SENTENCE}\n".encode())
    os._exit(INTERRUPTED)
