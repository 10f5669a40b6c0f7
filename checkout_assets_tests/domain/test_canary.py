"""The ids and places of canaries: nothing else is ever taken for one."""

from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.domain.canary import (
    LONGEST,
    begun_at,
    canary_is_over,
    canary_uri,
    holds_canary,
    is_canary,
    new_canary_id,
)
from checkout_assets.engines.worker.reports import is_run_id

NOW = datetime(2026, 11, 28, 0, 15, 30, tzinfo=UTC)
ID = "canary-20261128T001530Z-0a1b2c3d"


def test_an_id_tells_when_the_canary_began_and_is_a_run_id() -> None:
    assert new_canary_id(NOW, "0a1b2c3d") == ID
    assert begun_at(ID) == NOW
    assert is_run_id(ID)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "canary",
        "canary-20261128T001530Z",
        "canary-20261328T001530Z-0a1b2c3d",
        "canary-20261128T001530Z-0a1b2c3d_attempt2",
        "my-canary-20261128T001530Z-0a1b2c3d",
        "cli-0a1b2c3d",
        "canary-20261128T001530Z-0a1b2c3g",
        "canary-\uff12\uff10261128T001530Z-0a1b2c3d",
    ],
)
def test_what_is_no_canary_is_not_taken_for_one(name: str) -> None:
    assert not is_canary(name)
    assert not canary_is_over(name, NOW + timedelta(days=99))


def test_a_canary_is_over_after_its_limits() -> None:
    assert not canary_is_over(ID, NOW + LONGEST)
    assert canary_is_over(ID, NOW + LONGEST + timedelta(seconds=1))


def test_only_a_place_directly_below_canaries_holds_one() -> None:
    for uri in ("s3://raw", "s3://raw/copies", "s3://raw/copies/"):
        place = canary_uri(uri, ID)
        assert place == f"{uri.rstrip('/')}/_canary/{ID}"
        assert holds_canary(f"{place.removeprefix('s3://raw/')}/")
    for prefix in ("", "copies/", "_canary/", f"{ID}/", f"_canary/{ID}/x/", "_canary/mine/"):
        assert not holds_canary(prefix)
