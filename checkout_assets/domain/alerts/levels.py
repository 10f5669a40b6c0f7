"""The severity of each check of each folder, and the compact form in which a cursor stores it."""

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Annotated

from checkout_assets.domain.folders import FOLDER_NAMES
from spark_jobs.contract.record_format import TextForm

CheckPlace = tuple[str, str]
"""The names of a check and of a folder; the latter is empty for a check of all folders."""

Levels = Mapping[CheckPlace, int]
"""The levels of checks that do not pass; missing checks pass."""

PASSED = 0
_WORST_WARNING, _ERROR = 99, 100
_PLACES = {folder: number for number, folder in enumerate(("", *FOLDER_NAMES))}
_FOLDERS = tuple(_PLACES)


def level_of(passed: bool, is_error: bool, count: int) -> int:
    """0 if the check passed; a higher level is worse.

    The level of a warning is the number of digits of ``count``, so a warning gets worse when the
    count has one digit more. An error is worse than every warning.
    """
    if passed:
        return PASSED
    return _ERROR if is_error else min(len(str(max(count, 1))), _WORST_WARNING)


def pack_levels(levels: Levels) -> dict[str, str]:
    """The levels as a text per check: one byte per folder, compressed, below 800 characters."""
    by_check: dict[str, bytearray] = {}
    for (check, folder), level in sorted(levels.items()):
        by_check.setdefault(check, bytearray(len(_FOLDERS)))[_PLACES[folder]] = level
    return {check: _text(bytes(each)) for check, each in by_check.items()}


def unpack_levels(packed: Mapping[str, str]) -> dict[CheckPlace, int]:
    """The levels from the texts of ``pack_levels``."""
    return {
        (check, folder): level
        for check, text in packed.items()
        for folder, level in zip(_FOLDERS, _bytes(text), strict=True)
        if level
    }


def _text(values: bytes) -> str:
    return base64.b64encode(zlib.compress(values, 9)).decode()


def _bytes(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text, validate=True))


def _is_packed(text: str) -> bool:
    try:
        return len(_bytes(text)) == len(_FOLDERS)
    except (binascii.Error, zlib.error, ValueError):
        return False


PackedLevels = Annotated[str, TextForm(_is_packed, "packed levels")]
"""The packed levels of one check."""
