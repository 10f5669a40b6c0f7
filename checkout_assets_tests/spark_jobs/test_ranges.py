"""A big folder listed in ranges: the same as one page after the other, whatever its keys are."""

import uuid
from bisect import bisect_right
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.stores.listing import Page
from spark_jobs.stores.ranges import list_ranges, scale_of


class Keys:
    """A listing of keys that are known, in pages of so many; counts what is asked for."""

    prefix, dropped = "root/", 5

    def __init__(self, keys: list[str], page_size: int) -> None:
        self.keys = sorted(keys)
        self.page_size = page_size
        self.asked = 0
        self.waiting = self.most_waiting = 0

    def ask(self, after: str = "", token: str = "") -> Callable[[], Page]:
        self.asked += 1
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        last = token or after.removeprefix(self.prefix)
        first = bisect_right(self.keys, last) if last else 0
        found = self.keys[first : first + self.page_size]
        more = first + self.page_size < len(self.keys)

        def answer() -> Page:
            self.waiting -= 1
            nothing = [""] * len(found)
            return Page(
                found, [0] * len(found), nothing, nothing, nothing, [], found[-1] if more else ""
            )

        return answer


def listed(keys: Keys, ahead: int = 4) -> list[str]:
    return [key for page in list_ranges(keys, ahead) for key in page.keys]


HEX = st.text("0123456789abcdef-", min_size=1, max_size=6)
NAMES = st.one_of(
    st.lists(HEX.map("0A_CheckoutOrder/{}".format), unique=True, max_size=60),
    st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=60),
    st.integers(1, 60).map(lambda many: [f"order-{number:05}" for number in range(many)]),
)


@settings(max_examples=400)
@given(NAMES, st.integers(1, 9), st.integers(1, 5))
def test_every_key_comes_once_and_in_order(names: list[str], page_size: int, ahead: int) -> None:
    keys = Keys(names, page_size)
    assert listed(keys, ahead) == keys.keys


@pytest.mark.parametrize(
    "name",
    [
        lambda number: f"0A_CheckoutOrder/{uuid.UUID(int=number * 2**127 // 30_000 * 2)}/id/1",
        lambda number: f"0A_CheckoutOrder/0a{number * 16**6 // 30_000:06x}/id/x",
        lambda number: f"0A_CheckoutOrder/order-{number:09}/id/x",
    ],
    ids=["uuid", "hex", "numbered"],
)
def test_ids_are_foreseen_so_that_ranges_cost_hardly_more_than_pages(
    name: Callable[[int], str],
) -> None:
    keys = Keys([name(number) for number in range(30_000)], 1000)
    assert listed(keys) == keys.keys
    assert keys.most_waiting >= 4, "several ranges are under way at once"
    assert keys.asked <= 30 * 1.25 + 5


def test_clumps_are_listed_exactly_and_without_many_empty_ranges() -> None:
    names = [f"f/{first:02x}{number:05x}" for first in (0, 1, 250, 255) for number in range(9_000)]
    keys = Keys(names, 1000)
    assert listed(keys) == keys.keys
    assert keys.asked <= 36 * 3


def test_a_folder_of_one_page_costs_one_request() -> None:
    keys = Keys([f"f/{number:03}" for number in range(1000)], 1000)
    assert listed(keys) == keys.keys
    assert keys.asked == 1


def test_a_page_that_does_not_ascend_is_passed_on_whole() -> None:
    """Whoever joins it refuses it; cutting it would lose keys before anybody can see that."""
    keys = Keys([f"f/{number:04}" for number in range(3000)], 1000)
    honest = keys.ask

    def ask(after: str = "", token: str = "") -> Callable[[], Page]:
        answer = honest(after, token)
        return lambda: answer()._replace(keys=answer().keys[::-1]) if after else answer()

    keys.ask = ask  # type: ignore[method-assign]
    found = listed(keys)
    assert set(found) >= set(keys.keys)
    assert found != sorted(found)


def test_keys_of_no_form_have_no_scale() -> None:
    assert scale_of(["f/a", "f/a"]) is None
    assert scale_of(["f/a", "f/ab"]) is None
