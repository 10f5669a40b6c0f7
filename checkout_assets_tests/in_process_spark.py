"""A double of Spark's context that runs each task at once, in this process."""

from collections.abc import Callable, Sequence
from typing import Any


class InProcessSpark:
    """What compaction uses of a session: it needs no Java, and starts in no time."""

    defaultParallelism = 1  # noqa: N815 - as Spark spells it

    @property
    def sparkContext(self) -> "InProcessSpark":  # noqa: N802 - as Spark spells it
        return self

    def setJobGroup(self, *arguments: object, **options: object) -> None:  # noqa: N802
        """Nothing is grouped: nothing can be cancelled."""

    def cancelJobGroup(self, group: str) -> None:  # noqa: N802
        """A task that runs ends by itself."""

    def parallelize(self, items: Sequence[Any], slices: int) -> "_Tasks":
        assert slices == len(items)
        return _Tasks(list(items))


class _Tasks:
    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def map(self, function: Callable[[Any], Any]) -> "_Tasks":
        return _Tasks([function(item) for item in self._items])

    def collect(self) -> list[Any]:
        return self._items
