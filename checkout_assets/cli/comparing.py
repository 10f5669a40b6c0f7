"""The progress of a comparison: a bar on a terminal; elsewhere a line if S3 is silent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checkout_assets.cli.console import say, terminal
from checkout_assets.engines.silence import SilenceLines, silence_of

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORK = "comparing"


class Comparing:
    """Receives the events of a comparison: a folder was compared, S3 is silent."""

    def __init__(self, bar: "Progress", task: "TaskID") -> None:
        self._bar = bar
        self._task = task
        self._lines = SilenceLines(lambda clause: say(f"{clause}."))

    def on_folder(self) -> None:
        """Count one more compared folder."""
        self._bar.advance(self._task)

    def on_silence(self, seconds: float) -> None:
        if self._bar.disable:
            self._lines(seconds)
        else:
            told = f"{_WORK}; {silence_of(seconds)}" if seconds else _WORK
            self._bar.update(self._task, description=told)


@contextmanager
def comparing(folders: int) -> Iterator[Comparing]:
    """Show the progress of the body, which compares this number of folders."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    watched = terminal()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
    )
    bar = Progress(*columns, console=watched, transient=True, disable=not watched.is_terminal)
    with bar:
        yield Comparing(bar, bar.add_task(_WORK, total=folders))
