"""Texts of nothing but what a pattern looks for take work in proportion to their length."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from checkout_assets_tests.spark_jobs.conformed_orders import DATED
from spark_jobs.conforming import Conformer

SHORT, TIMES = 4_000, 8
MOST_TIMES = 30
"""In proportion it is 8 times the work, 64 times in proportion to the square."""

CONFORMER = Conformer("checkout")
REPEATED = [
    "1",
    " ",
    "a",
    "\\",
    "4111 ",
    "card ",
    "cardnumber,",
    "eyJ.",
    "%",
    '"',
    "{",
    "\u200b",
    "cvv,",
    "a\\",
    "cvv\n",
]


def document(text: str, place: str) -> bytes:
    texts: dict[str, Any] = {
        "a member's name": {"CustomData": json.dumps({text: "x"})},
        "a payment's name": {"PaymentData": json.dumps({"payments": [{text: "x"}]})},
        "a name": {"PaymentData": json.dumps({"payments": [{"name": text, "value": "x"}]})},
        "a value": {"PaymentData": json.dumps({"payments": [{"pan": text, "number": text}]})},
        "a text": {"HostName": text + " 4111111111111111"},
        "a line of a table": {"HostName": f"id,cvv\n{text}"},
        "items of a list": {"Unknown": ["id,cvv", *text.split("\n")]},
        "pairs of a list": {"Unknown": [{"name": "pan"}, "x"] * (len(text) // 8)},
    }
    return json.dumps({**DATED, **texts[place]}).encode()


def times_taken(body: bytes) -> Iterator[float]:
    """CPU seconds of conforming, three times: other work on the machine only adds to them."""
    for _ in range(3):
        before = time.thread_time()
        CONFORMER.conform(body)
        yield time.thread_time() - before


@pytest.mark.parametrize(
    "place",
    [
        "a member's name",
        "a payment's name",
        "a name",
        "a value",
        "a text",
        "a line of a table",
        "items of a list",
        "pairs of a list",
    ],
)
@pytest.mark.parametrize("repeated", REPEATED)
def test_a_longer_text_takes_work_in_proportion(repeated: str, place: str) -> None:
    short, long = (document((repeated * size)[:size], place) for size in (SHORT, SHORT * TIMES))
    most = MOST_TIMES * max(min(times_taken(short)), 0.0002)
    assert any(taken < most for taken in times_taken(long))
