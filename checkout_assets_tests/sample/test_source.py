"""The sample source: the same for a seed, realistic, and wrong exactly where it says."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import FOLDER_NAMES, Folder
from checkout_assets.domain.keys import classify, safe_key
from checkout_assets.sample.anomalies import FLAGS, PLACEMENT, SPECIAL_NAMES, Anomaly
from checkout_assets.sample.documents import ATTACHMENT_MARKER, CARD_MARKER
from checkout_assets.sample.hand_run import hand_run_faults, hand_run_leftovers
from checkout_assets.sample.source import (
    FIRST_MONTH,
    SampleObject,
    SampleOptions,
    expected_flags,
    folder_objects,
    source_objects,
)
from spark_jobs.conforming import Conformer, Row
from spark_jobs.contract.words import ObjectKind

OPTIONS = SampleOptions()
SMALL = replace(OPTIONS, documents=600, days=1)


@pytest.fixture(scope="module")
def source() -> list[SampleObject]:
    return list(source_objects(OPTIONS))


def digest(objects: Iterable[SampleObject]) -> str:
    total = hashlib.sha256()
    for each in objects:
        total.update(each.key.encode() + b"\0" + each.body + b"\0")
    return total.hexdigest()


def folder_of(each: SampleObject) -> str:
    return each.key.partition("/")[0]


def documents(source: list[SampleObject]) -> list[SampleObject]:
    return [each for each in source if classify(each.key).kind is ObjectKind.DOCUMENT]


def read(body: bytes) -> object:
    """An independent reading: plain json, strict about constants and lone surrogates."""

    def refuse(_: str) -> None:
        raise ValueError("constant")

    value = json.loads(body.decode("utf-8-sig"), parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def day_of(document: Mapping[str, object]) -> str | None:
    for field in ("LastChange", "CreationDate"):
        text = document.get(field)
        if isinstance(text, str) and re.match(r"20\d\d-(?!02-3)\d\d-\d\dT", text):
            return text[:10]
    return None


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(
    source: list[SampleObject],
) -> None:
    folder = Folder.parse("86_FulfillmentOrder")
    mine = [each for each in source if folder_of(each) == folder.name]
    assert digest(folder_objects(OPTIONS, folder)) == digest(mine)
    assert digest(folder_objects(replace(OPTIONS, seed=8), folder)) != digest(mine)


def test_there_are_512_folders_of_a_few_documents_on_two_or_three_days(
    source: list[SampleObject],
) -> None:
    assert len({each.key for each in source}) == len(source)
    assert [*dict.fromkeys(folder_of(each) for each in source)] == list(FOLDER_NAMES)
    assert 4_500 <= len(source) <= 5_500
    days: dict[str, set[str]] = {}
    for each in documents(source):
        try:
            document = read(each.body)
        except ValueError:
            continue
        day = day_of(document) if isinstance(document, dict) else None
        if day:
            days.setdefault(folder_of(each), set()).add(day)
    assert set(map(len, days.values())) <= {2, 3}
    assert sum(map(len, days.values())) <= 1_500


def test_documents_are_sized_like_real_ones(source: list[SampleObject]) -> None:
    sizes = sorted(len(each.body) for each in documents(source))

    def percentile(of_100: int) -> int:
        return sizes[len(sizes) * of_100 // 100]

    assert percentile(1) >= 5_000
    assert 7_500 <= percentile(50) <= 11_000
    assert 12_000 <= sum(sizes) / len(sizes) <= 20_000
    assert 30_000 <= percentile(90) <= 50_000
    assert 50_000 <= percentile(99) <= 80_000
    assert 120_000 <= sizes[-1] <= 400_000


def test_top_level_values_are_text_or_null(source: list[SampleObject]) -> None:
    (first, *_) = documents(source)
    document = read(first.body)
    assert isinstance(document, dict)
    assert {type(value) for value in document.values()} <= {str, type(None)}
    assert isinstance(json.loads(document["Items"]), list)


def test_what_must_never_reach_the_lake_is_all_over_the_source(source: list[SampleObject]) -> None:
    for marker in (CARD_MARKER, ATTACHMENT_MARKER):
        assert len({folder_of(each) for each in source if marker.encode() in each.body}) == 512


def names_flagged(source: Iterable[SampleObject]) -> dict[str, set[str]]:
    flags: dict[str, set[str]] = {check: set() for check in FLAGS.values()}
    for each in source:
        folder = folder_of(each)
        kind = classify(each.key)
        if safe_key(each.key) != each.key:
            flags["names_are_safe"].add(folder)
        if kind.near_miss:
            flags["no_near_miss_names"].add(folder)
        if kind.kind is ObjectKind.NESTED:
            flags["no_documents_nested_under_id"].add(folder)
        if kind.kind is ObjectKind.DOCUMENT and not is_order(each.body):
            flags["no_documents_quarantined"].add(folder)
    del flags["every_value_has_a_column"]  # needs the schema: shown below
    return flags


def is_order(body: bytes) -> bool:
    try:
        document = read(body)
    except ValueError:
        return False
    if not isinstance(document, dict) or day_of(document) is None:
        return False
    return str(document.get("Id", "")).strip() not in {"", "null"}


MOVED = replace(
    SMALL,
    seed=9,
    placement={**PLACEMENT, Anomaly.NESTED_UNDER_ID: (Folder.parse("2F_CheckoutOrder"),)},
)


@pytest.mark.parametrize("options", [SMALL, replace(SMALL, seed=8), MOVED])
def test_anomalies_are_where_they_are_said_to_be_and_nowhere_else(options: SampleOptions) -> None:
    expected = {check: set(names) for check, names in expected_flags(options).items()}
    found = names_flagged(source_objects(options))
    assert found == {check: expected[check] for check in found}
    assert all(expected.values())


def test_only_the_folders_that_are_said_to_have_values_without_a_column() -> None:
    """By the platform's own conforming: ordinary documents are clean, and nothing leaks."""
    conformers = {
        "CheckoutOrder": Conformer("checkout"),
        "FulfillmentOrder": Conformer("fulfillment"),
    }
    rescued = set()
    for each in documents(list(source_objects(SMALL))):
        row = conformers[folder_of(each)[3:]].conform(each.body)
        if isinstance(row, Row):
            assert CARD_MARKER.encode() not in row.line
            assert ATTACHMENT_MARKER.encode() not in row.line
            if row.rescued:
                rescued.add(folder_of(each))
    assert rescued == expected_flags(SMALL)["every_value_has_a_column"]


def test_the_six_folders_of_the_incident_have_every_odd_name_of_that_hour(
    source: list[SampleObject],
) -> None:
    for folder in PLACEMENT[Anomaly.SPECIAL_NAMES]:
        mine = {
            each.key.rpartition("/")[2]: each for each in source if folder_of(each) == folder.name
        }
        assert set(SPECIAL_NAMES) <= set(mine)
        document = read(mine[SPECIAL_NAMES[0]].body)
        assert isinstance(document, dict)
        assert document["LastChange"].startswith("2018-10-31T14:")


@pytest.mark.parametrize("options", [replace(OPTIONS, documents=2_000), SMALL])
def test_raw_is_left_as_the_hand_run_left_it(options: SampleOptions) -> None:
    faults = hand_run_faults(options)
    assert sorted(faults.never_copied) == [
        "E9_FulfillmentOrder",
        "ED_FulfillmentOrder",
        "FA_FulfillmentOrder",
    ]
    left = {each.key: each.body for each in hand_run_leftovers(options)}
    missing: Counter[str] = Counter()
    stale: Counter[str] = Counter()
    for each in source_objects(options):
        body = left.get(safe_key(each.key))
        if body is None:
            missing[folder_of(each)] += 1
        elif body != each.body:
            assert len(body) == len(each.body), "a stale object shows in its size"
            stale[folder_of(each)] += 1
    lost = {name: missing.pop(name) for name in faults.never_copied}
    assert all(lost.values())
    assert (missing, stale) == (faults.missing, faults.stale)
    assert missing["86_FulfillmentOrder"] == 1, "the nested object that somebody deleted"
    if options is not SMALL:  # in the smallest source a folder has one document, and keeps it
        assert sorted(stale.values()) == [1, 2]
        assert len([key for key in left if key.endswith(".renamed")]) == 2


@pytest.mark.parametrize(
    ("documents", "days", "told"), [(100, 3, "too few"), (5_000, 0, "at least 1 day")]
)
def test_impossible_wishes_get_one_clear_sentence(documents: int, days: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        SampleOptions(documents=documents, days=days)


def test_no_document_is_of_a_month_before_the_first(source: list[SampleObject]) -> None:
    time = re.compile(rb'"(?:creationDate|lastChange)"\s*:\s*"(\d{4}-\d\d)', re.IGNORECASE)
    months = {found.decode() for each in source for found in time.findall(each.body)}
    assert min(months) == FIRST_MONTH
