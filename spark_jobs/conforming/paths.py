"""Where a value stands in a document: a chain of (parent, segment, index).

``segment`` is a key as spelled or a list index; ``index`` the position among the members, which
tells duplicate keys apart. Tuples, because one is made for every value of every document.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Optional, Tuple, Union

Segment = Union[str, int]
Path = Optional[Tuple[Any, Segment, int]]


def segments(path: Path) -> List[Segment]:
    """The segments from the document's root."""
    steps = []
    while path is not None:
        path, step, _ = path
        steps.append(step)
    return steps[::-1]


def pointer(path: Path) -> str:
    """The RFC 6901 JSON Pointer."""
    return "".join("/" + _escaped(str(segment)) for segment in segments(path))


def name_of(path: Path) -> str:
    """The pointer with every list index as ``*``: what redactions are counted by."""
    steps = ["*" if isinstance(step, int) else _escaped(step) for step in segments(path)]
    return "/".join(["", *steps])


def keys_of(path: Path) -> Tuple[str, ...]:
    """The keys from the root, list indices left out."""
    keys: Tuple[str, ...] = ()
    while path is not None:
        path, step, _ = path
        if type(step) is str:
            keys = (step, *keys)
    return keys


def indices_below(path: Path, root: Path) -> List[int]:
    """The positions to take from ``root`` down to ``path``."""
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
