"""The progress of the demo's stages: a bar per stage on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LOOK_SECONDS = 1.0


@dataclass
class Stages:
    """The stages so far, with their seconds."""

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)
    _bars: Progress | None = None

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """A stage of ``total`` steps; the body calls the yielded function with the steps done."""
        started = time.monotonic()
        columns = (
            TextColumn("{task.description:<34}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bars:
            self._bars = bars
            bar = bars.add_task(name, total=total)
            yield lambda done: bars.update(bar, completed=done)
            bars.update(bar, completed=total)
        self.seconds[name] = time.monotonic() - started
        if not self.console.is_terminal:
            self.console.print(f"{name:<34} {self.seconds[name]:7.1f} s")

    def leave_terminal(self) -> None:
        """End the current stage's bar, from any thread, and restore the terminal's cursor."""
        if self._bars is not None:
            self._bars.stop()

    @contextmanager
    def watched(self, name: str, total: int, look: Callable[[], int]) -> Iterator[None]:
        """A stage whose progress ``look`` returns; it is called once per second on a thread."""
        ended = threading.Event()
        with self.stage(name, total) as show:

            def watch() -> None:
                while not ended.wait(_LOOK_SECONDS):
                    show(look())

            watcher = threading.Thread(target=watch, daemon=True)
            if self.console.is_terminal:
                watcher.start()
            try:
                yield
            finally:
                ended.set()
                if watcher.ident is not None:
                    watcher.join()
