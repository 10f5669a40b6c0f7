"""The source's own text of values that stand in a JSON text."""

from __future__ import annotations

from typing import Optional

from spark_jobs.conforming.paths import Path, indices_below
from spark_jobs.json_spans import Node, spans


class SourceText:
    """A JSON text that stands at ``root`` in the document; gives the source text of its values."""

    def __init__(self, text: str, root: Path) -> None:
        self._text = text
        self._root = root
        self._node: Optional[Node] = None

    def at(self, path: Path) -> str:
        """Return the text of the value at ``path``, which is below the root."""
        if self._node is None:  # once per text: thousands of values may be read from it
            self._node = spans(self._text)
        node = self._node
        for index in indices_below(path, self._root):
            node = node.children[index][2]
        return self._text[node.start : node.end]
