"""Where a value stands in a document: a chain of (parent, segment, index).

``segment`` is a key as spelled or a list index. ``index`` is the position among the members, which
distinguishes duplicate keys. Paths are tuples because each value of each document gets one.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Optional, Tuple, Union

Segment = Union[str, int]
Path = Optional[Tuple[Any, Segment, int]]


def segments(path: Path) -> List[Segment]:
    """Return the segments from the document's root."""
    steps = []
    while path is not None:
        path, step, _ = path
        steps.append(step)
    return steps[::-1]


def pointer(path: Path) -> str:
    """Return the RFC 6901 JSON Pointer."""
    return "".join("/" + _escaped(str(segment)) for segment in segments(path))


def name_of(path: Path) -> str:
    """Return the pointer with ``*`` for every list index: redactions are counted by it."""
    steps = ["*" if isinstance(step, int) else _escaped(step) for step in segments(path)]
    return "/".join(["", *steps])


def keys_of(path: Path) -> Tuple[str, ...]:
    """Return the keys from the root, without list indices."""
    keys: Tuple[str, ...] = ()
    while path is not None:
        path, step, _ = path
        if type(step) is str:
            keys = (step, *keys)
    return keys


def indices_below(path: Path, root: Path) -> List[int]:
    """Return the positions that lead from ``root`` down to ``path``."""
    found = []
    for node in _upwards(path):
        if node is root:
            break
        found.append(node[2])
    return found[::-1]


def _upwards(path: Path) -> Iterator[Tuple[Any, Segment, int]]:
    while path is not None:
        yield path
        path = path[0]


def _escaped(segment: str) -> str:
    return segment.replace("~", "~0").replace("/", "~1")
