"""What ends a command from outside, and what it says then; imports next to nothing."""

import signal
from collections.abc import Callable
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C, SIGTERM or the end of the terminal ended."""

SENTENCE = "Interrupted. What was done stays; run the same command again to continue."
"""True of a command that skips what it finds done; others have an ``INTERRUPTED`` of their own."""

BEGINS_ANEW = "Interrupted. Run the same command again, which begins anew."

STRUCTURES_ANEW = (
    "Interrupted. What was published stays, and no folder is published by halves; run the same "
    "command again, which structures all its folders anew."
)


def on_interrupt(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    """Handle Ctrl-C, SIGTERM and the end of the terminal alike, unless the shell ignores them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
            signal.signal(number, handler)


def interrupt_twice() -> None:
    """Let the first interrupt end the work, the next one the tidying up; ignore any further one."""
    left = 2

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise KeyboardInterrupt

    on_interrupt(interrupt)


def ignore_interrupts() -> None:
    """From now on: what is left to do takes no time."""
    on_interrupt(signal.SIG_IGN)
