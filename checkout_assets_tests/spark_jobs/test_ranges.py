"""A big folder listed in ranges: the same as one page after the other, whatever its keys are."""

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout_assets_tests.properties import examples
from spark_jobs.stores.listing import Page
from spark_jobs.stores.ranges import list_ranges, scale_of


class Server(StrEnum):
    """What is known of servers other than Amazon's."""

    AMAZON = "amazon"
    INCLUSIVE = "inclusive"
    """Lists the key that start-after names, too: rustfs/rustfs issue 1165."""
    IGNORES = "ignores"
    """Does not know start-after: scality/cloudserver issue 490, versity/versitygw issue 138."""
    SKIPS = "skips"
    """After a start-after that names no key, the token leaves one out: minio/minio issue 21463."""


class Keys:
    """A listing of keys that are known, in pages of so many; counts what is asked for."""

    prefix, dropped = "root/", 5

    def __init__(self, keys: list[str], page_size: int, server: Server = Server.AMAZON) -> None:
        self.keys = sorted(keys)
        self.page_size = page_size
        self.server = server
        self.asked = 0
        self.waiting = self.most_waiting = 0

    def ask(self, after: str = "", token: str = "") -> Callable[[], Page]:
        self.asked += 1
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        start = after.removeprefix(self.prefix)
        first = bisect_right(self.keys, token) if token else self._first(start)
        found = self.keys[first : first + self.page_size]
        following = first + self.page_size
        more = following < len(self.keys)
        skips = self.server is Server.SKIPS and start and start not in self.keys
        next_token = self.keys[following - (not skips)] if more else ""

        def answer() -> Page:
            self.waiting -= 1
            nothing = [""] * len(found)
            return Page(found, [0] * len(found), nothing, nothing, nothing, [], next_token)

        return answer

    def _first(self, start: str) -> int:
        if not start or self.server is Server.IGNORES:
            return 0
        bisect = bisect_left if self.server is Server.INCLUSIVE else bisect_right
        return bisect(self.keys, start)


def listed(keys: Keys, ahead: int = 4) -> list[str]:
    return [key for page in list_ranges(keys, ahead) for key in page.keys]


HEX = st.text("0123456789abcdef-", min_size=1, max_size=6)
NAMES = st.one_of(
    st.lists(HEX.map("0A_CheckoutOrder/{}".format), unique=True, max_size=60),
    st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=60),
    st.integers(1, 60).map(lambda many: [f"order-{number:05}" for number in range(many)]),
)


@settings(max_examples=examples(400))
@given(NAMES, st.integers(1, 9), st.integers(1, 5), st.sampled_from(Server))
def test_every_key_comes_once_and_in_order(
    names: list[str], page_size: int, ahead: int, server: Server
) -> None:
    keys = Keys(names, page_size, server)
    assert listed(keys, ahead) == keys.keys


@pytest.mark.parametrize("server", Server)
def test_no_key_is_lost_on_any_server_where_ranges_hold_more_than_foreseen(server: Server) -> None:
    names = [f"f/{first:02x}{number:05x}" for first in (0, 1, 9) for number in range(40 + first)]
    keys = Keys(names, 10, server)
    assert listed(keys) == keys.keys


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
