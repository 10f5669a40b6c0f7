"""Slices: everything once, in order, and none without a size."""

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.slices import slices


@pytest.mark.parametrize(("size", "count"), [(32, 16), (16, 32), (512, 1), (100, 6)])
def test_slices_cover_every_folder_exactly_once(size: int, count: int) -> None:
    pieces = list(slices(ALL_FOLDERS, size))
    assert len(pieces) == count
    assert [folder for piece in pieces for folder in piece] == list(ALL_FOLDERS)


def test_a_slice_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1 unit, not 0"):
        list(slices(ALL_FOLDERS, 0))
