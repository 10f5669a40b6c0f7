"""Values that manifests, quarantine files and records contain."""

from __future__ import annotations

from enum import Enum
from typing import Tuple


class Word(str, Enum):
    """An enumeration of texts: Python 3.9 has no ``StrEnum``."""

    def __str__(self) -> str:
        return str.__str__(self)


class ObjectKind(Word):
    """The kind of an object in a folder, determined by its key alone."""

    DOCUMENT = "document"
    """It becomes a row or a quarantined document."""
    NESTED = "nested"
    SIDE = "side"


class Status(Word):
    """The status of an object in the manifest."""

    COPIED = "copied"
    PRESENT = "present"
    FAILED = "failed"
    VANISHED = "vanished"
    """In an earlier manifest, but no longer at the source."""


IN_RAW: Tuple[Status, ...] = (Status.COPIED, Status.PRESENT)
"""The statuses of objects that are at the source and in raw."""

KEEP, DROP_ROWS = "keep", "drop_rows"
"""What happens to the rows of vanished documents: they stay in the table, or are removed."""

NESTED_REASON = "nested_under_id"
"""Quarantine reason of a nested object: it is not an order, whatever its content."""

TOO_LARGE = "too_large"
"""Quarantine reason of an object that exceeds the limit, as it is or decompressed."""

CUT_DETAIL = "size"
"""The first word of the detail of an object that was read only in part."""

UNNAMED = "?"
"""Stands for the names of fields that are counted but not shown."""
