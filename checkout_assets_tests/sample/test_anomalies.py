"""Each anomaly, found by its own reading of the bytes, is where it is placed and nowhere else."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.sample.anomalies import PLACEMENT, Anomaly
from checkout_assets.sample.source import SampleObject, SampleOptions, source_objects

SMALL = SampleOptions(documents=600, days=1)
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@dataclass(frozen=True)
class Read:
    """An object of the sample, read by nothing of the platform."""

    found: SampleObject

    @cached_property
    def segments(self) -> list[str]:
        return self.found.key.split("/")[1:]

    @property
    def is_document(self) -> bool:
        return len(self.segments) == 3 and self.segments[1] == "id"

    @cached_property
    def value(self) -> Any:
        """What the JSON says, or the exception that says why it says nothing."""

        def refuse(constant: str) -> None:
            raise ValueError(constant)

        try:
            value = json.loads(self.found.body.decode("utf-8-sig"), parse_constant=refuse)
            json.dumps(value, ensure_ascii=False).encode()
        except ValueError as error:
            return error
        return value

    @property
    def order(self) -> dict[str, Any]:
        """The members of a readable document; empty for everything else."""
        return self.value if self.is_document and isinstance(self.value, dict) else {}

    @property
    def is_undecodable(self) -> bool:
        try:
            self.found.body.decode()
        except UnicodeDecodeError:
            return True
        return False


def nested(read: Read, column: str) -> Any:
    try:
        return json.loads(read.order.get(column) or "null")
    except ValueError:
        return ValueError


def drifts(read: Read) -> bool:
    """A value outside its type: cents that are no integer, a yes or no that is neither."""
    value = str(read.order.get("Value") or "0")
    items = nested(read, "Items") or []
    return (
        not value.removesuffix(".0").isdigit()
        or int(value.removesuffix(".0")) >= 2**63
        or str(read.order.get("IsCompleted")) not in {"None", "True", "true", "False"}
        or any(not isinstance(item, dict) for item in items)
    )


FINDERS: dict[Anomaly, Callable[[Read], bool]] = {
    Anomaly.SPECIAL_NAMES: lambda r: any(
        not segment or segment[0] in "._" or not PLAIN.issuperset(segment) for segment in r.segments
    ),
    Anomaly.NESTED_UNDER_ID: lambda r: len(r.segments) > 3 and r.segments[1] == "id",
    Anomaly.NOT_UTF8: lambda r: r.is_document and r.is_undecodable,
    Anomaly.NOT_JSON: lambda r: (
        r.is_document
        and bool(r.found.body)
        and not r.is_undecodable
        and isinstance(r.value, ValueError)
    ),
    Anomaly.NOT_AN_OBJECT: lambda r: (
        r.is_document and not isinstance(r.value, dict | ValueError) and bool(r.found.body)
    ),
    Anomaly.NO_ID: lambda r: bool(r.order) and r.order["Id"].strip() in {"", "null"},
    Anomaly.NO_DATE: lambda r: (
        bool(r.order)
        and (
            (r.order["LastChange"] or r.order["CreationDate"] or "2018-02-31")[:10] == "2018-02-31"
        )
    ),
    Anomaly.EMPTY_OBJECT: lambda r: not r.found.body,
    Anomaly.SIDE_OBJECTS: lambda r: r.segments[1].startswith("index-"),
    Anomaly.NEAR_MISS: lambda r: (
        r.segments[1] != "id" and "id" in [segment.lower() for segment in r.segments]
    ),
    Anomaly.UNKNOWN_FIELDS: lambda r: "NewField@2019 x" in r.order,
    Anomaly.LOSSY_DRIFT: drifts,
    Anomaly.TRUNCATED_TEXT: lambda r: nested(r, "ClientProfileData") is ValueError,
    Anomaly.CASE_COLLISION: lambda r: len({name.lower() for name in r.order}) < len(r.order),
}
"""For each anomaly of one object, how to see it."""


def has_two_versions(folder: list[Read]) -> bool:
    changes: dict[str, set[str]] = {}
    for read in folder:
        if read.order.get("Id", "").strip() not in {"", "null"}:
            changes.setdefault(read.order["Id"], set()).add(read.order["LastChange"])
    return any(len(each) > 1 for each in changes.values())


def read_folders(options: SampleOptions) -> Iterator[tuple[Folder, list[Read]]]:
    objects = source_objects(options)
    for name, found in groupby(objects, key=lambda each: each.key.partition("/")[0]):
        yield Folder.parse(name), [Read(each) for each in found]


ELSEWHERE = {
    anomaly: tuple(Folder(folder.order_type, folder.prefix ^ 0x55) for folder in folders)
    for anomaly, folders in PLACEMENT.items()
}
"""Every anomaly in other folders than the seed's."""


@pytest.mark.parametrize(
    "options",
    [SMALL, replace(SMALL, seed=11, placement=ELSEWHERE)],
    ids=["the seed's placement", "another seed, all moved"],
)
def test_each_anomaly_is_where_it_is_placed_and_nowhere_else(options: SampleOptions) -> None:
    seen: dict[Anomaly, set[Folder]] = {anomaly: set() for anomaly in Anomaly}
    for folder, reads in read_folders(options):
        for anomaly, finder in FINDERS.items():
            if any(map(finder, reads)):
                seen[anomaly].add(folder)
        if has_two_versions(reads):
            seen[Anomaly.TWO_VERSIONS].add(folder)
    assert seen == {anomaly: set(options.placement[anomaly]) for anomaly in Anomaly}
    assert all(seen.values()), "an anomaly that no folder has is an anomaly that nothing proves"


def test_a_source_without_anomalies_has_none() -> None:
    options = replace(SMALL, placement={})
    found = [
        (folder.name, anomaly.name)
        for folder, reads in read_folders(options)
        for anomaly, finder in FINDERS.items()
        if any(map(finder, reads))
    ]
    assert found == []
