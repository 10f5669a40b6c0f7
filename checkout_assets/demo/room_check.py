"""The check of ``doctor`` whether there is enough disk space for the demo."""

from collections.abc import Iterator
from pathlib import Path

from checkout_assets.demo.place import DEMO_DOCUMENTS, check_room
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.settling import settled

_ROOM = Topic("this machine", "free disk space")


def room_results(directory: Path) -> Iterator[CheckResult]:
    """Whether the demo fits into the directory."""
    remedy = "Free space there, or give demo another --directory."
    yield from settled(_ROOM, lambda: _results(directory), remedy)


def _results(directory: Path) -> Iterator[CheckResult]:
    check_room(directory, DEMO_DOCUMENTS)
    yield _ROOM.ok(f"enough for the demo in {displayable(str(directory))}")
