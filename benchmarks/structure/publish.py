"""Publishing a folder of many files with 30 ms per request: ``make bench-publish``.

The store is the copying benchmark's stub, a separate process. The time is measured from a staged
folder to its record in state ``published``: the moves, the removal of the earlier files, and both
records.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.copy.place import FOLDER, Stub, serving
from benchmarks.copy.stub import RAW
from spark_jobs.contract.keys import publication_record_key, staged_key, table_file_key
from spark_jobs.contract.publication import PUBLISHING, PublicationRecord, PublishedFile
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job.publishing import finish_interrupted, publish, read_published
from spark_jobs.stores import S3Store

RESULTS = Path(__file__).parents[1] / "results" / "publish.json"
FILES = 1500
LATENCY_SECONDS = 0.03
MOST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Published:
    """The cost of publishing: wall and CPU seconds of this process, and requests."""

    what: str
    files: int
    seconds: float
    cpu_seconds: float
    requests: dict[str, int]


def measured() -> Iterator[Published]:
    """A first publication, one that replaces it, and one that another run left unfinished."""
    with serving(0) as stub:
        os.environ.update(stub.environment)
        lake = S3Store(RAW, "lake")
        first = _staged(lake, "run1")
        yield _timed("a first publication", stub, lambda: _publish(lake, first))
        second = _staged(lake, "run2")
        yield _timed("in place of another", stub, lambda: _publish(lake, second))
        _interrupted(lake, second)
        yield _timed(
            "finished for another run, all files in place",
            stub,
            lambda: finish_interrupted(lake, FOLDER),
        )


def _publish(lake: S3Store, record: PublicationRecord) -> None:
    publish(lake, record, read_published(lake, FOLDER))


def _staged(lake: S3Store, run_id: str) -> PublicationRecord:
    days = [f"20{n // 365 + 10}-{n % 365 // 31 + 1:02d}-{n % 31 + 1:02d}" for n in range(FILES)]
    keys = [table_file_key(FOLDER, day, run_id, n) for n, day in enumerate(days)]
    for key in keys:
        lake.put(staged_key(FOLDER, run_id, key), b"x")
    files = [PublishedFile(key, 1, 1) for key in keys]
    totals = StructureTotals(documents=FILES, rows=FILES)
    return PublicationRecord(FOLDER, run_id, PUBLISHING, "c", "d", "1", files, [], [], totals)


def _interrupted(lake: S3Store, record: PublicationRecord) -> None:
    """A kill after the moves: the record still says ``publishing``."""
    previous = [file.path.replace(".run2.", ".run1.") for file in record.files]
    begun = replace(record, previous=previous)
    lake.put(publication_record_key(FOLDER), begun.to_json())


def _timed(what: str, stub: Stub, work: Callable[[], object]) -> Published:
    before = stub.asked()
    stub.behave(latency=LATENCY_SECONDS)
    started, cpu = time.monotonic(), time.process_time()
    work()
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
    stub.behave(latency=0.0)
    asked = stub.asked() - before
    asked.pop("connections", None)
    return Published(what, FILES, round(seconds, 2), round(cpu_seconds, 2), dict(asked))


def main() -> int:
    """Measure, print a table, write the results; 1 if the target is missed."""
    results = list(measured())
    shown = Table("what", "files", "seconds", "CPU s", "requests")
    for each in results:
        requests = ", ".join(f"{count:,} {name}" for name, count in each.requests.items())
        shown.add_row(
            each.what, f"{each.files:,}", f"{each.seconds}", f"{each.cpu_seconds}", requests
        )
    Console().print(shown)
    RESULTS.write_text(json.dumps([asdict(each) for each in results], indent=1) + "\n")
    missed = [each.what for each in results if each.seconds > MOST_SECONDS]
    for what in missed:
        sys.stdout.write(f"missed: {what} took more than {MOST_SECONDS:g} s\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
