"""The state of one document while it is conformed: rescued, redacted, emptied values, and texts."""

from __future__ import annotations

from typing import Any, Container, Dict, List, Optional

from spark_jobs.conforming.about_objects import About
from spark_jobs.conforming.exact_json import to_text
from spark_jobs.conforming.paths import Path, name_of, pointer
from spark_jobs.conforming.scalars import EMPTY
from spark_jobs.conforming.scrubbing import Scrubber
from spark_jobs.conforming.text_spans import SourceText


class Findings:
    """Findings of a nested column's text, collected before all of it is known to be fit."""

    __slots__ = (
        "cleaned", "emptied", "has_double", "has_float", "has_zero", "is_respelled", "redacted",
    )  # fmt: skip

    def __init__(self) -> None:
        self.emptied = 0
        self.has_zero = False
        """Whether an integer is 0 or -0, which a fast parser does not distinguish."""
        self.has_float = False
        """Whether a float stands for an integer, written as one or rounded to one."""
        self.has_double = False
        """Whether a float stands for a number that is not an integer."""
        self.redacted: List[str] = []
        """Paths, spelled as in the schema."""
        self.cleaned: List[str] = []
        """Paths in lower case."""
        self.is_respelled = False
        """Whether the source spells a field in another case."""


class Document:
    """State that is reset for each document; the converters are compiled around it once."""

    def __init__(self, thorough: bool) -> None:
        self.thorough = thorough
        """Whether text that does not begin like JSON is searched too."""
        self.reset("")

    def reset(self, text: str) -> None:
        """Begin a document."""
        self.rescued: List[Dict[str, str]] = []
        self.unknown: List[Path] = []
        """Paths of members that the schema has no field for."""
        self.emptied = 0
        self.scrubber = Scrubber(self.thorough)
        self._outer = self._text = SourceText(text, None)

    def enter(self, text: str, path: Path) -> None:
        """Continue inside a text that stood at ``path`` and was parsed."""
        self._text = SourceText(text, path)

    def leave(self) -> None:
        """Return to the document itself."""
        self._text = self._outer

    def removes(
        self, key: str, value: Any, parent: Path, index: int, said: Optional[About] = None
    ) -> bool:
        """Whether a member never reaches the lake; ``said`` is what the object says about it."""
        return self.scrubber.removes(key, value, parent, index, said)

    def removed_items(self, items: List[Any], parent: Path) -> Container[int]:
        """Return the indices of list items that never reach the lake, because others name them."""
        return self.scrubber.removed_items(items, parent)

    def scrubbed(self, text: str, path: Path) -> str:
        """Return a text without what never reaches the lake, if it is JSON."""
        return self.scrubber.text(text, path)

    def source_text(self, path: Path) -> str:
        """Return the text of the object or array at ``path``, scrubbed."""
        return self.scrubber.text(self._text.at(path), path)

    def unfit(self, value: Any, path: Path) -> Any:
        """Count empty text, or rescue another value that its column cannot hold; returns None."""
        if type(value) is str and value in EMPTY:
            self.emptied += 1
        else:
            self.rescue(value, path)
        return None

    def accept(self, findings: Findings, path: Path) -> None:
        """Add the findings of the text at ``path``, a column's."""
        self.emptied += findings.emptied
        cleaned, redacted = self.scrubber.cleaned, self.scrubber.redacted
        for name in findings.cleaned:
            cleaned[name] = cleaned.get(name, 0) + 1
        if findings.redacted:
            column = name_of(path)
            for name in findings.redacted:
                below = column + name[name.index("/", 1) :]
                redacted[below] = redacted.get(below, 0) + 1

    def rescue(self, value: Any, path: Path) -> None:
        """Keep a value that no column holds."""
        kept = self.scrubber.value(value, path)
        self.rescued.append({"path": pointer(path), "value": to_text(kept)})

    def rescue_unknown(self, value: Any, path: Path) -> None:
        """Keep a member that the schema has no field for."""
        self.unknown.append(path)
        self.rescue(value, path)
