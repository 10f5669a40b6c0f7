"""Words that stand in manifests and records, each in one place."""

from __future__ import annotations

from enum import Enum
from typing import Tuple


class Word(str, Enum):
    """A text of a closed list; Python 3.9 has no ``StrEnum``."""

    def __str__(self) -> str:
        return str.__str__(self)


class ObjectKind(Word):
    """What an object of a folder is, told by its key alone."""

    DOCUMENT = "document"
    """It becomes a row or a quarantined document."""
    NESTED = "nested"
    SIDE = "side"


class Status(Word):
    """What became of an object, as the manifest says it."""

    COPIED = "copied"
    PRESENT = "present"
    FAILED = "failed"
    VANISHED = "vanished"
    """An earlier copy saw it, and the source no longer has it."""


IN_RAW: Tuple[Status, ...] = (Status.COPIED, Status.PRESENT)
"""The statuses of the source's objects that are in raw."""

KEEP, DROP_ROWS = "keep", "drop_rows"
"""What becomes of the rows of vanished documents: they stay in the table, or they go."""

NESTED_REASON = "nested_under_id"
"""Why a nested object is in quarantine: it is no order, whatever its bytes say."""

TOO_LARGE = "too_large"
"""Why an object is in quarantine that is larger, or would unpack to more, than the limit."""

CUT_DETAIL = "size"
"""How the detail of an object begins that is not read whole."""

UNNAMED = "?"
"""What stands for the names of fields that are counted and not shown."""
