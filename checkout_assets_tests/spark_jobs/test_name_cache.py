"""Names come from documents: what is kept of them between documents has a bound."""

import gc
import json
import tracemalloc
from itertools import count

import pytest

from checkout_assets_tests.spark_jobs.conformed_orders import DATED
from spark_jobs.conforming import Conformer, Row
from spark_jobs.job.conform_slice import _count_row, _Counts
from spark_jobs.job.reading import RawObject

DOCUMENTS, LONG = 16, 20_000
BOUND = 160_000
"""Bytes that may be kept: half of the names of one kind in these documents."""

_NUMBERS = count()


def _found(number: int) -> RawObject:
    return RawObject(f"a/id/{number}", f"a/id/{number}", "document", 1, "e", False, b"")


def _held_after(template: str, conformer: Conformer) -> int:
    """Bytes more than before, after documents whose names are long and of one use each."""
    counts = _Counts()
    _conform(template, conformer, counts)
    tracemalloc.start()
    try:
        for _ in range(DOCUMENTS):
            _conform(template, conformer, counts)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def _conform(template: str, conformer: Conformer, counts: _Counts) -> None:
    number = next(_NUMBERS)
    row = conformer.conform(template.replace("NAME", f"n{number} " + "x" * LONG).encode())
    assert isinstance(row, Row)
    _count_row(counts, _found(number), row)


def _order(**fields: object) -> str:
    return json.dumps({**DATED, **{name: json.dumps(value) for name, value in fields.items()}})


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    "template",
    [
        json.dumps({**DATED, "NAME": "a"}),
        _order(Items=[{"NAME": "a"}]),
        _order(Items=[{"attachment NAME": "a"}]),
        _order(Items=[{"assemblies": [{"inputValues": {"NAME": "a"}}]}]),
        _order(Items=[{"assemblies": [{"inputValues": {"name": "NAME", "value": "a"}}]}]),
        _order(Items=[{"productCategories": {"NAME": "a"}}]),
        _order(CustomData={"NAME": {"card": {"number": "a"}}, "attachment": "a"}),
        _order(CustomData={"NAME": {"x": {"cardNumber": "a"}}}),
        _order(CustomData={"a": ["NAME", "a"], "cvv": 1}),
        _order(CustomData={"b": {"names": ["NAME"], "values": ["a"]}, "cvv": 1}),
        _order(PaymentData={"payments": [{"id": "p", "NAME": "a"}]}),
        _order(PaymentData={"payments": [{"id": "p", "card 4111111111111111 NAME": "a"}]}),
        _order(MarketingData={"marketingTags": ["NAME", "a"]}),
    ],
)  # fmt: skip
def test_long_names_are_not_kept_after_their_document(template: str, fast: bool) -> None:
    assert _held_after(template, Conformer("checkout", fast=fast)) < BOUND
