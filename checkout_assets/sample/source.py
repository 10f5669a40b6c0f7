"""The sample source, folder by folder, and raw as a hand-run migration leaves it.

Everything is determined by a seed: the same options give the same bytes. Folders are independent,
so moving an anomaly changes only the two folders that it concerns.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from checkout_assets.domain.counting import in_number
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.sample.anomalies import FLAGS, PLACEMENT, Anomaly, Document, extras
from checkout_assets.sample.documents import Moment, encode, order

INCIDENT = date(2018, 10, 31)
"""The day on which all objects with special names were written."""

_FIRST_DAY, _LAST_DAY = date(2015, 7, 17), date(2019, 8, 23)
_MOVED_SHARE = 0.53
"""The share of documents that were changed on another day than they were created."""

_MOST_DAYS_MOVED = 40
FIRST_MONTH = f"{_FIRST_DAY - timedelta(days=_MOST_DAYS_MOVED):%Y-%m}"
"""No document was created or changed before it."""

CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """The size: about ``documents`` in all, on ``days`` or one fewer different days per folder."""

    seed: int = 7
    documents: int = 5_000
    days: int = 3
    placement: Mapping[Anomaly, tuple[Folder, ...]] = field(default_factory=lambda: PLACEMENT)

    def __post_init__(self) -> None:
        if self.documents < len(ALL_FOLDERS) * self.days:
            least = len(ALL_FOLDERS) * self.days
            raise UsageError(
                in_number(self.documents, "# document[|s] [is|are] too few for ")
                + in_number(self.days, "# day[|s] in each of the 512 folders: ")
                + f"ask for at least {least:,}."
            )
        if self.days < 1:
            raise UsageError(f"A folder needs at least 1 day, not {self.days}.")

    def anomalies_of(self, folder: Folder) -> list[Anomaly]:
        """The anomalies of this folder."""
        return [anomaly for anomaly in Anomaly if folder in self.placement.get(anomaly, ())]


@dataclass(frozen=True, slots=True)
class SampleObject:
    """An object to upload; its key is relative to the prefix and begins with the folder."""

    key: str
    body: bytes
    content_type: str = CONTENT_TYPE
    metadata: Mapping[str, str] = field(default_factory=lambda: {"written-by": "sample"})


def source_objects(options: SampleOptions) -> Iterator[SampleObject]:
    """Every object of the source, folder by folder in key order."""
    for folder in ALL_FOLDERS:
        yield from folder_objects(options, folder)


def folder_objects(options: SampleOptions, folder: Folder) -> list[SampleObject]:
    """The objects of one folder, by key."""
    rng = random.Random(f"{options.seed}/{folder}")
    instance = f"AF{rng.randrange(16**6):030X}"
    days = _days(rng, options, folder)
    objects = {}
    for number in range(_count(rng, options)):
        # The first documents take one day each, so that a folder has all its days.
        day = days[number] if number < len(days) else rng.choice(days)
        name = f"{rng.randrange(10**9, 10**10)}{number:02d}-01"
        document = order(rng, folder.order_type, name, _moment(rng, day))
        objects[f"{folder}/{instance}/id/{name}"] = encode(document, rng)
    for anomaly in options.anomalies_of(folder):
        own = random.Random(f"{options.seed}/{folder}/{anomaly.name}")
        day = INCIDENT if anomaly is Anomaly.SPECIAL_NAMES else days[0]

        def document_of_that_day(own: random.Random = own, day: date = day) -> Document:
            name = f"{own.randrange(10**9, 10**10)}-02"
            moment = Moment(day, day)
            made = order(own, folder.order_type, name, moment)
            if day == INCIDENT:
                made["CreationDate"] = made["LastChange"] = f"{day}T14:05:00.1234567Z"
            return made

        for rest, body in extras(anomaly, own, instance, document_of_that_day):
            objects[f"{folder}/{rest}"] = body
    return [SampleObject(key, objects[key]) for key in sorted(objects)]


def expected_flags(options: SampleOptions) -> dict[str, frozenset[str]]:
    """The folders that each check must flag after the migration, by the check's name."""
    flags: dict[str, set[str]] = {check: set() for check in FLAGS.values()}
    for anomaly, check in FLAGS.items():
        flags[check].update(folder.name for folder in options.placement.get(anomaly, ()))
    return {check: frozenset(folders) for check, folders in flags.items()}


def _days(rng: random.Random, options: SampleOptions, folder: Folder) -> list[date]:
    wanted = options.days if options.days == 1 else options.days - rng.randrange(2)
    span = (_LAST_DAY - _FIRST_DAY).days
    days = [_FIRST_DAY + timedelta(days=n) for n in sorted(rng.sample(range(span), wanted))]
    if Anomaly.SPECIAL_NAMES in options.anomalies_of(folder):
        days[-1] = INCIDENT
    return days


def _count(rng: random.Random, options: SampleOptions) -> int:
    mean = options.documents / len(ALL_FOLDERS)
    return max(options.days, round(rng.uniform(0.6, 1.35) * mean))


def _moment(rng: random.Random, day: date) -> Moment:
    if rng.random() < _MOVED_SHARE:
        return Moment(day - timedelta(days=rng.randint(1, _MOST_DAYS_MOVED)), day)
    return Moment(day, rng.choice([day, None]))
