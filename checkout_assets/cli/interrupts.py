"""Signals that interrupt a command, and its messages; a module with few imports."""

import signal
from collections.abc import Callable
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that was ended by Ctrl-C, SIGTERM or a closed terminal."""

SENTENCE = "Interrupted. What was done stays; run the same command again to continue."
"""For commands that skip finished work; other commands have their own ``INTERRUPTED``."""

BEGINS_ANEW = "Interrupted. Run the same command again, which starts over."

STRUCTURES_ANEW = (
    "Interrupted. What was published stays, and no folder is published by halves; run the same "
    "command again, which structures all its folders."
)


def on_interrupt(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Handle Ctrl-C, SIGTERM and a closed terminal alike, unless they are ignored already."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
            signal.signal(number, handler)


def interrupt_twice() -> None:
    """Let the first interrupt end the work, the second one the clean-up; ignore further ones."""
    left = 2

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise KeyboardInterrupt

    on_interrupt(interrupt)


def ignore_interrupts() -> None:
    """Ignore interrupts from now on: the rest takes no time."""
    on_interrupt(signal.SIG_IGN)
