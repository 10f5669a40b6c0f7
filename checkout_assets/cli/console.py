"""Messages on standard error and results on standard output.

Everything is printed as plain text: no untrusted name is interpreted as markup.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.displayable import displayable, masked, one_line

if TYPE_CHECKING:
    from rich.console import Console

_MOST_LINES = 20
_NO_TERMINAL_WIDTH = 160
_LETTERS = str.maketrans({"🟩": "g", "🟨": "y", "🟥": "R", "⬜": "."})
"""Letters for green, yellow, red, and white, which was not compared."""


def terminal() -> "Console":
    """Standard error, for progress and messages."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


def table_console() -> "Console":
    """Standard output for tables: as wide as the terminal, wider if it is not a terminal."""
    from rich.console import Console

    return Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if sys.stdout.isatty() else _NO_TERMINAL_WIDTH,
    )


def say(line: str) -> None:
    """Print a message on standard error, always as one line."""
    sys.stderr.write(one_line(line) + "\n")


def say_some(lines: Iterable[str]) -> None:
    """Print messages: the first twenty, and the number of further ones."""
    told = list(lines)
    for line in told[:_MOST_LINES]:
        say(line)
    if len(told) > _MOST_LINES:
        say(f"... and {len(told) - _MOST_LINES:,} more.")


def print_lines(lines: Iterable[str]) -> None:
    """Print a command's result as text on standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_json(
    command: str, complete: bool, document: Mapping[str, Any] | None = None, error: str = ""
) -> None:
    """Print a command's result as one JSON document, with nothing else on standard output.

    Its first fields are the same for every command; ``error`` says why the command ended early.
    """
    envelope = {"command": command, "complete": complete, "error": error or None}
    sys.stdout.write(json.dumps({**envelope, **(document or {})}, indent=1) + "\n")


def drawable(squares: str) -> str:
    """A heat map, in letters if standard output's encoding does not have its squares."""
    try:
        squares.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return squares.translate(_LETTERS)
    return squares


def shown(key: str, show_names: bool) -> str:
    """An object's key for display: masked unless ``show_names``."""
    return displayable(key) if show_names else masked(key)
