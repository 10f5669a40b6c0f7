"""Figures of a benchmark that runs in parts: what one run has measured, the next one takes."""

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Figures = dict[str, Any]


class TimeIsUpError(Exception):
    """The next part would begin too late."""


class Measurements:
    """The figures of the parts that are done, kept in a file.

    Figures ``of`` something else, such as a lake of another size, are forgotten. No part is begun
    after so many ``seconds``.
    """

    def __init__(self, path: Path, of: Mapping[str, Any], seconds: float = math.inf) -> None:
        self._path = path
        self._of = dict(of)
        self._last = time.monotonic() + seconds
        kept = json.loads(path.read_text()) if path.exists() else {}
        self._parts: dict[str, Figures] = kept.get("parts", {}) if kept.get("of") == of else {}

    def take(self, part: str, measure: Callable[[], Figures]) -> Figures:
        """Return the part's figures, measured now unless they are known; raises TimeIsUpError."""
        if part not in self._parts:
            if time.monotonic() > self._last:
                raise TimeIsUpError(part)
            self._parts[part] = measure()
            self._path.write_text(json.dumps({"of": self._of, "parts": self._parts}, indent=1))
        return self._parts[part]
