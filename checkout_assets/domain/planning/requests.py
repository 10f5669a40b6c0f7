"""The number of billed S3 requests of a first copy and a first structuring.

The constants were counted at a server for both commands; a test counts them again. Deletions are
free of charge and not counted. Retries after throttling are not included.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checkout_assets.domain.planning.workload import FolderLoad, Workload

DEFAULT_DAYS = 1_500
"""The number of different days in a folder's documents: each day is a file of the folder."""

_KEYS_PER_PAGE, _KEYS_PER_RANGE = 1_000, 900
"""After its first page a folder is listed in ranges of a little less than a page."""

_ROWS_PER_PART = 10_000


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Billed requests by price: ``writes`` are PUT, COPY, POST and LIST, ``reads`` all others."""

    writes: int = 0
    reads: int = 0

    def __add__(self, other: "RequestCounts") -> "RequestCounts":
        return RequestCounts(self.writes + other.writes, self.reads + other.reads)

    @property
    def total(self) -> int:
        """Both kinds."""
        return self.writes + self.reads


_COPY_RUN = RequestCounts(writes=5, reads=3)
"""Requests per run: source and raw answer, conditional writes are honoured, the cut-off is read."""

_FIRST_RUN = RequestCounts(writes=2)
"""Requests of the first run: raw's manifests are listed, and the cut-off is written."""

_REPORTS = RequestCounts(writes=3, reads=1)
"""Requests per instance: its first and last progress, its end, and whether somebody listens.

Every further 15 s cost a write and a read, which are not foreseen: an hour of them costs 0.002
dollars per instance.
"""

_STRUCTURE_RUN = RequestCounts(writes=5, reads=2)
"""Requests per run: raw and lake answer, and conditional writes are honoured."""

FOLDERS_PER_JOB = 16
"""Folders that one Spark job structures on this machine."""

_STAGING_LISTINGS = 1
_LISTINGS_PER_TABLE = 2
"""Per Spark job the tables and quarantine of each order type are searched for leftovers."""

_LISTINGS_OF_LEFTOVERS = 2
_READS_OF_RECORDS = 4
_WRITES_OF_RECORD = 2


def requests_to_copy(work: Workload, instances: int = 0) -> RequestCounts:
    """The requests of one run that copies these folders, here or split among instances."""
    loads = work.folders.values()
    processes = [_COPY_RUN] * max(1, instances) + [_REPORTS] * instances
    begun = any(each.old_parts for each in loads)
    reports = RequestCounts(writes=len(loads) if instances else 0)
    return _sum(
        [RequestCounts() if begun else _FIRST_RUN, *processes, reports, *map(_copy_folder, loads)]
    )


def requests_to_structure(work: Workload, days: int) -> RequestCounts:
    """The requests of one run that structures these folders, with ``days`` days per folder."""
    loads = list(work.folders.items())
    jobs = (loads[at : at + FOLDERS_PER_JOB] for at in range(0, len(loads), FOLDERS_PER_JOB))
    return _sum(
        [
            _STRUCTURE_RUN,
            *(_search_for_leftovers(dict(job), days) for job in jobs),
            *(_structure_folder(load, days) for _, load in loads),
        ]
    )


def _search_for_leftovers(job: Mapping[str, FolderLoad], days: int) -> RequestCounts:
    """The listings of a job, and a read of each file that is published after them.

    They begin when the job's first folder is published; usually all others follow.
    """
    tables = {name.partition("_")[2] for name in job}
    files = [_files(load, days) for load in job.values()]
    return RequestCounts(
        writes=_STAGING_LISTINGS + _LISTINGS_PER_TABLE * len(tables),
        reads=sum(files) - max(files),
    )


def _copy_folder(load: FolderLoad) -> RequestCounts:
    parts = -(-load.listed // _ROWS_PER_PART)
    # The source, earlier manifests, raw before and raw afterwards.
    in_raw = load.in_raw + load.objects
    listings = _pages(load.listed) + 1 + _pages(load.in_raw) + _pages(in_raw)
    in_parts = load.parts + load.large  # beginning and ending an upload replace the one COPY
    copies = load.objects + in_parts
    return RequestCounts(
        writes=listings + copies + parts + 1,
        # Of a large object, its headers and its tags are read.
        reads=1 + load.old_parts + parts + 2 * load.large + 2 * load.asked,
    )


def _structure_folder(load: FolderLoad, days: int) -> RequestCounts:
    return RequestCounts(
        # A file is staged and then copied to its final key.
        writes=_LISTINGS_OF_LEFTOVERS + _WRITES_OF_RECORD + 2 * _files(load, days),
        reads=load.read + _READS_OF_RECORDS + 2 * -(-load.listed // _ROWS_PER_PART),
    )


def _files(load: FolderLoad, days: int) -> int:
    return min(days, load.read)


def _pages(objects: int) -> int:
    return 1 + max(0, -(-(objects - _KEYS_PER_PAGE) // _KEYS_PER_RANGE))


def _sum(counts: Iterable[RequestCounts]) -> RequestCounts:
    return sum(counts, RequestCounts())
