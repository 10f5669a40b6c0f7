"""One document while it is conformed: what was rescued, redacted and emptied, and its texts."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from spark_jobs.conforming.exact_json import to_text
from spark_jobs.conforming.paths import Path, indices_below, pointer
from spark_jobs.conforming.scrubbing import Scrubber, source_text

EMPTY = frozenset(("", "null"))
"""Texts that mean null in a typed or nested column."""


class Document:
    """Reset for each document, because the converters are compiled around it once."""

    def __init__(self) -> None:
        self.reset("")

    def reset(self, text: str) -> None:
        """Begin a document."""
        self.rescued: List[Dict[str, str]] = []
        self.emptied = 0
        self.scrubber = Scrubber()
        self._text: Tuple[str, Path] = (text, None)
        self._outer = self._text

    def enter(self, text: str, path: Path) -> None:
        """Go on inside a text that stood at ``path`` and was parsed."""
        self._text = (text, path)

    def leave(self) -> None:
        """Be in the document itself again."""
        self._text = self._outer

    def removes(self, key: str, value: Any, parent: Path, index: int) -> bool:
        """Whether a member never reaches the lake."""
        return self.scrubber.removes(key, value, parent, index)

    def scrubbed(self, text: str, path: Path) -> str:
        """A text without what never reaches the lake, if it is JSON."""
        return self.scrubber.text(text, path)

    def source_text(self, path: Path) -> str:
        """The text of the object or array at ``path``, scrubbed."""
        text, root = self._text
        return self.scrubber.text(source_text(text, indices_below(path, root)), path)

    def unfit(self, value: Any, path: Path) -> Any:
        """None, for a value its typed or nested column cannot hold; empty text is counted."""
        if type(value) is str and value in EMPTY:
            self.emptied += 1
        else:
            self.rescue(value, path)
        return None

    def rescue(self, value: Any, path: Path) -> None:
        """Keep a value that no column holds; payment data that cannot be read is dropped."""
        assert path is not None
        key = path[1]
        if (
            type(value) is str
            and isinstance(key, str)
            and self.scrubber.removes(key, value, path[0], path[2])
        ):
            return
        kept = self.scrubber.value(value, path)
        self.rescued.append({"path": pointer(path), "value": to_text(kept)})
