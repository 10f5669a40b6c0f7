"""A lake of published folders, made of the sample's documents without a source, raw or Spark."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.sample.documents import Moment, encode, order
from spark_jobs.conforming import Conformer, Row, with_lineage
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
    """How many folders of checkout orders, on how many days, with how many rows per file."""

    folders: int
    days: int
    rows: int

    @property
    def files(self) -> int:
        """The table files: one per folder and day."""
        return self.folders * self.days

    def names(self) -> Sequence[str]:
        """The folders, evenly over all of checkout."""
        of_checkout = [each for each in ALL_FOLDERS if each.order_type is OrderType.CHECKOUT]
        step = len(of_checkout) / self.folders
        return [of_checkout[int(number * step)].name for number in range(self.folders)]


def publish_lake(uri: str, size: LakeSize, processes: int) -> None:
    """Write and publish every folder as structuring does, without those that are published."""
    lake = open_store(uri)
    missing = [name for name in size.names() if read_published(lake, name).record is None]
    with ProcessPoolExecutor(processes) as pool:
        for _ in pool.map(_publish, [(uri, name, size) for name in missing]):
            pass


def _publish(given: tuple[str, str, LakeSize]) -> None:
    uri, name, size = given
    lake = open_store(uri)
    files = FolderWriter(lake, name, _RUN).write_days(_days(name, size))
    rows = size.days * size.rows
    totals = StructureTotals(documents=rows, rows=rows, source_keys=rows)
    record = PublicationRecord(
        name, _RUN, PUBLISHING, "copy", "digest", SCHEMA_VERSION, files, [], [], totals
    )
    publish(lake, record, read_published(lake, name))


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
