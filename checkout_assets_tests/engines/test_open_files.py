"""The limit of open files is raised as far as it may be; too low a one is refused."""

import resource

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.open_files import ensure_open_files

UNLIMITED = resource.RLIM_INFINITY


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process's own limit and the highest that it may set, in the place of the real ones."""
    held = [1024, 4096]

    def replace(_: int, wanted: tuple[int, int]) -> None:
        if wanted[0] > 10_000:
            raise ValueError("this system has another limit")
        held[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(held))
    monkeypatch.setattr(resource, "setrlimit", replace)
    return held


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([256, UNLIMITED], [4096, UNLIMITED]),
        ([8, 1024], [1024, 1024]),
        ([256, 1_048_576], [4096, 1_048_576]),
        ([512, 512], [512, 512]),
        ([65_536, 65_536], [65_536, 65_536]),
        ([UNLIMITED, UNLIMITED], [UNLIMITED, UNLIMITED]),
    ],
)
def test_the_limit_is_raised_but_never_lowered(
    limits: list[int], before: list[int], after: list[int]
) -> None:
    limits[:] = before
    ensure_open_files()
    assert limits == after


@pytest.mark.parametrize(
    ("limit", "told"), [(1, "Only 1 file may be"), (64, "Only 64 files"), (511, "Only 511 files")]
)
def test_too_low_a_limit_is_refused_with_what_to_do(
    limits: list[int], limit: int, told: str
) -> None:
    limits[:] = [limit, limit]
    with pytest.raises(UsageError, match=told) as raised:
        ensure_open_files()
    assert "(ulimit -n)" in str(raised.value)
    assert "at least 512 are needed" in str(raised.value)


def test_a_limit_that_cannot_be_raised_stays_and_is_judged_as_it_is(
    limits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    limits[:] = [1024, UNLIMITED]
    ensure_open_files()
    limits[:] = [256, UNLIMITED]
    with pytest.raises(UsageError, match="Only 256 files"):
        ensure_open_files()
