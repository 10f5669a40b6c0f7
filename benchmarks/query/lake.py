"""A lake of published folders, made of the sample's documents without a source, raw or Spark."""

import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.sample.documents import Moment, encode, order
from spark_jobs.conforming import Conformer, Row, with_lineage
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHING, SCHEMA_VERSION, PublicationRecord
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job.publishing import publish, read_published
from spark_jobs.job.writing import FolderWriter
from spark_jobs.stores import open_store

FIRST_DAY = date(2018, 1, 1)
_RUN = "bench"


@dataclass(frozen=True, slots=True)
class LakeSize:
    """How many folders of each table, on how many days, with how many rows per file.

    ``distinct`` folders of each table have documents of their own. The files of the others are
    those of these under other names and other days: to read they cost the same, and a month has
    no row twice if at least one folder in six is distinct, of 200 days.
    """

    folders: int
    days: int
    rows: int
    distinct: int = 0

    @property
    def files(self) -> int:
        """The files of both tables: one per folder and day."""
        return len(OrderType) * self.folders * self.days

    def names(self, order_type: OrderType) -> Sequence[str]:
        """The table's folders, evenly over all that it can have."""
        possible = [each.name for each in ALL_FOLDERS if each.order_type is order_type]
        step = len(possible) / self.folders
        return [possible[int(number * step)] for number in range(self.folders)]

    def own(self, order_type: OrderType) -> Sequence[str]:
        """The table's folders that have documents of their own."""
        return self.names(order_type)[: self.distinct or None]


def publish_lake(uri: str, size: LakeSize, processes: int, seconds: float = math.inf) -> int:
    """Write and publish folders as structuring does, without those that are published.

    No folder is begun after so many ``seconds``. Returns how many folders are left.
    """
    last, own = time.monotonic() + seconds, [each for kind in OrderType for each in size.own(kind)]
    with ProcessPoolExecutor(processes) as pool:
        given = [(uri, name, size, last) for name in _unpublished(uri, own)]
        left = sum(not is_published for is_published in pool.map(_publish, given))
    if not left:
        for order_type in OrderType:
            _publish_others(uri, size, order_type)
    return left


def _unpublished(uri: str, names: Sequence[str]) -> list[str]:
    lake = open_store(uri)
    return [name for name in names if read_published(lake, name).record is None]


def _publish(given: tuple[str, str, LakeSize, float]) -> bool:
    """Publish a folder, unless it is too late; the clock is that of the whole machine."""
    uri, name, size, last = given
    if time.monotonic() > last:
        return False
    lake = open_store(uri)
    files = FolderWriter(lake, name, _RUN).write_days(_days(name, size))
    rows = size.days * size.rows
    totals = StructureTotals(documents=rows, rows=rows, source_keys=rows)
    record = PublicationRecord(
        name, _RUN, PUBLISHING, "copy", "digest", SCHEMA_VERSION, files, [], [], totals
    )
    publish(lake, record, read_published(lake, name))
    return True


def _publish_others(uri: str, size: LakeSize, order_type: OrderType) -> None:
    """Publish the table's other folders, in rounds over those with documents of their own."""
    names, own = size.names(order_type), size.own(order_type)
    missing = set(_unpublished(uri, names))
    rounds = -(-len(names) // len(own))
    for number, name in enumerate(names):
        if name in missing:
            later = number // len(own) * (size.days // rounds)
            _publish_again(uri, own[number % len(own)], name, later)


def _publish_again(uri: str, first: str, name: str, later: int) -> None:
    """Publish the files of the ``first`` folder as another one's, by hard links.

    Each stands for the day so many days ``later``, of as many days as the first folder has.
    """
    lake = open_store(uri)
    record = read_published(lake, first).record
    assert record is not None
    sources = [*record.files[later:], *record.files[:later]]
    files = [
        replace(source, path=file.path.replace(first, name))
        for source, file in zip(sources, record.files, strict=True)
    ]
    for source, file in zip(sources, files, strict=True):
        os.link(Path(uri) / source.path, Path(uri) / file.path)
    published = replace(record, folder=name, files=files)
    lake.put(publication_record_key(name), published.to_json())


def _days(name: str, size: LakeSize) -> Iterator[tuple[str, list[bytes]]]:
    folder = Folder.parse(name)
    rng = random.Random(name)
    conformer = Conformer(folder.order_type.table)
    for number in range(size.days):
        day = FIRST_DAY + timedelta(days=number)
        yield (
            day.isoformat(),
            [_line(rng, conformer, folder, day, row) for row in range(size.rows)],
        )


def _line(rng: random.Random, conformer: Conformer, folder: Folder, day: date, row: int) -> bytes:
    order_id = f"{day:%Y%m%d}{folder.index:03d}{row:04d}-01"
    document = order(rng, folder.order_type, order_id, Moment(day - timedelta(days=1), day))
    conformed = conformer.conform(encode(document, rng))
    assert isinstance(conformed, Row)
    key = f"{folder}/AF/id/{order_id}"
    return with_lineage(conformed.line, folder.name, key, f'"{rng.getrandbits(128):032x}"', _RUN)
