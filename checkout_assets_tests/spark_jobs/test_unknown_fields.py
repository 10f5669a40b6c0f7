"""Fields that the schema does not know are counted; only names that are nobody's own are shown."""

import json
from collections import Counter
from typing import Any

import pytest

from spark_jobs.conforming import Conformer, Row
from spark_jobs.contract.words import UNNAMED
from spark_jobs.job.unknown_fields import (
    FEWEST_DOCUMENTS,
    MOST_FIELDS,
    count_unknown,
    is_plain,
    named_often,
)


def unknown(**more: Any) -> set[str]:
    document = {"Id": "1-01", "LastChange": "2018-10-31T10:00:00Z", **more}
    row = Conformer("checkout").conform(json.dumps(document).encode())
    assert isinstance(row, Row)
    return set(row.unknown)


def test_a_field_is_unknown_at_any_depth_and_once_per_document() -> None:
    items = [{"id": "1", "giftHint": 1}, {"id": "2", "giftHint": 2}]
    assert unknown(Items=json.dumps(items), newField=[1, 2]) == {"/Items/*/giftHint", "/newField"}
    assert unknown(Items=items) == {"/Items/*/giftHint"}


def test_what_the_schema_knows_is_no_unknown_field() -> None:
    assert unknown() == set()
    assert unknown(Items='[{"id": "1", "price": "much"}]') == set(), "a value that does not fit"
    assert unknown(Items="[{", ITEMS="[]") == set(), "text that is cut off, a name spelled twice"
    assert unknown(CustomData='{"anything": 1}') == set()


@pytest.mark.parametrize("path", ["/newField", "/Items/*/new_field.v2", "/a", "/x1234"])
def test_plain_names_may_be_shown(path: str) -> None:
    assert is_plain(path)


@pytest.mark.parametrize(
    "path",
    [
        "/João",
        "/jane@example.com",
        "/a b",
        "/a\u202eb",
        "/<script>",
        "/12345",
        "/2024",
        "/cpf_12345678909",
        "/card4111_1111_1111_1111",
        "/cardNumber",
        "/my_card",
        "/cvv2",
        "/a~1b",
        "/",
        f"/{'x' * 65}",
        f"/{'/'.join('abcdefgh' for _ in range(40))}",
    ],
)
def test_other_names_are_not_shown(path: str) -> None:
    assert not is_plain(path)


def counted_in(documents: list[list[str]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for paths in documents:
        count_unknown(counts, paths)
    return named_often(counts)


def test_a_field_is_named_from_20_documents_on_and_counted_before() -> None:
    assert counted_in([["/new"]] * (FEWEST_DOCUMENTS - 1)) == {UNNAMED: 19}
    assert counted_in([["/new"]] * FEWEST_DOCUMENTS) == {"/new": 20}
    assert counted_in([["/new", "/João"]] * 30 + [["/rare"]]) == {"/new": 30, UNNAMED: 31}
    assert counted_in([]) == {}


def test_names_fill_neither_the_memory_nor_the_record() -> None:
    strange = [[f"/a{chr(97 + n % 26)}{chr(97 + n // 26)}"] for n in range(600)]
    counts: Counter[str] = Counter()
    for paths in strange:
        count_unknown(counts, paths)
    assert len(counts) <= 65
    assert sum(counts.values()) == 600
    many = {f"/f{chr(97 + n % 26)}{chr(97 + n // 26)}": 100 - n % 50 for n in range(120)}
    named = named_often(many)
    assert len(named) == MOST_FIELDS + 1
    assert sum(named.values()) == sum(many.values())
    assert min(n for path, n in named.items() if path != UNNAMED) >= 80
