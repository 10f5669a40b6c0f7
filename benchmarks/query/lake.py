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
    """How many folders of checkout orders, on how many days, with how many rows per file.

    ``distinct`` folders have documents of their own. The files of the others are those of these
    under other names: to read they cost the same, but they hold the same rows.
    """

    folders: int
    days: int
    rows: int
    distinct: int = 0

    @property
    def files(self) -> int:
        """The table files: one per folder and day."""
        return self.folders * self.days

    def names(self) -> Sequence[str]:
        """The folders, evenly over all of checkout."""
        of_checkout = [each for each in ALL_FOLDERS if each.order_type is OrderType.CHECKOUT]
        step = len(of_checkout) / self.folders
        return [of_checkout[int(number * step)].name for number in range(self.folders)]


def publish_lake(uri: str, size: LakeSize, processes: int, seconds: float = math.inf) -> int:
    """Write and publish folders as structuring does, without those that are published.

    No folder is begun after so many ``seconds``. Returns how many folders are left.
    """
    lake, last = open_store(uri), time.monotonic() + seconds
    missing = [name for name in size.names() if read_published(lake, name).record is None]
    own = set(size.names()[: size.distinct or None])
    with ProcessPoolExecutor(processes) as pool:
        given = [(uri, name, size, last) for name in missing if name in own]
        left = sum(not is_published for is_published in pool.map(_publish, given))
    if left:
        return left
    for number, name in enumerate(size.names()):
        if name in missing and name not in own:
            _publish_again(uri, size.names()[number % size.distinct], name)
    return 0


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


def _publish_again(uri: str, first: str, name: str) -> None:
    """Publish the files of the ``first`` folder as another one's too, by hard links."""
    lake = open_store(uri)
    record = read_published(lake, first).record
    assert record is not None
    files = [replace(file, path=file.path.replace(first, name)) for file in record.files]
    for old, new in zip(record.files, files, strict=True):
        os.link(Path(uri) / old.path, Path(uri) / new.path)
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
