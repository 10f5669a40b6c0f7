"""Pack work into tasks that take about the same time, none of them tiny."""

from __future__ import annotations

import heapq
from typing import Callable, List, Sequence, Tuple, TypeVar

WEIGHT_OF_A_FILE = 250_000
"""A table file counts as this many bytes of documents to read and conform.

It costs about half as much CPU (docs/performance.md); a larger weight keeps tasks, and so the
memory of workers, small in folders of many days.
"""

_T = TypeVar("_T")


def packed(
    items: Sequence[_T], weight_of: Callable[[_T], int], heaviest: int, at_least: int
) -> List[List[_T]]:
    """Return the items in groups of about equal weight: largest first, each to the lightest group.

    There are ``at_least`` groups, more if their mean weight would exceed ``heaviest``, and never
    more groups than items.
    """
    total = sum(map(weight_of, items))
    count = min(len(items), max(at_least, -(-total // heaviest)))
    groups: List[List[_T]] = [[] for _ in range(count)]
    lightest: List[Tuple[int, int]] = [(0, number) for number in range(count)]
    for item in sorted(items, key=weight_of, reverse=True):
        weight, number = heapq.heappop(lightest)
        groups[number].append(item)
        heapq.heappush(lightest, (weight + weight_of(item), number))
    return [group for group in groups if group]  # items without weight may leave some empty
