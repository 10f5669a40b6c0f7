"""The number of billed S3 requests of a first copy and a first structuring.

The constants were counted at a server for both commands; a test counts them again. Deletions are
free of charge and not counted. Retries after throttling are not included.
"""

from collections.abc import Iterable
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


_COPY_RUN = RequestCounts(writes=7, reads=3)
"""Requests per run: source and raw answer, raw's manifests, conditional writes, the cut-off."""

_STRUCTURE_RUN = RequestCounts(writes=8, reads=2)
"""Requests per run: raw and lake answer, conditional writes, the search for leftovers."""

_LISTINGS_OF_LEFTOVERS = 2
_READS_OF_RECORDS = 4
_WRITES_OF_RECORD = 2


def requests_to_copy(work: Workload) -> RequestCounts:
    """The requests of one run that copies these folders into an empty raw."""
    return _sum([_COPY_RUN, *map(_copy_folder, work.folders.values())])


def requests_to_structure(work: Workload, days: int) -> RequestCounts:
    """The requests of one run that structures these folders, with ``days`` days per folder."""
    return _sum(
        [_STRUCTURE_RUN, *(_structure_folder(each, days) for each in work.folders.values())]
    )


def _copy_folder(load: FolderLoad) -> RequestCounts:
    pages, parts = _pages(load.objects), _manifest_parts(load)
    # The source and afterwards raw; before that, the empty raw and its empty manifests.
    listings = 2 * pages + 2
    in_parts = load.parts + load.large  # beginning and ending an upload replace the one COPY
    copies = load.objects + in_parts
    return RequestCounts(
        writes=listings + copies + parts + 1, reads=1 + parts + load.large + 2 * load.asked
    )


def _structure_folder(load: FolderLoad, days: int) -> RequestCounts:
    files = min(days, load.read)
    return RequestCounts(
        # A file is staged and then copied to its final key.
        writes=_LISTINGS_OF_LEFTOVERS + _WRITES_OF_RECORD + 2 * files,
        reads=load.read + _READS_OF_RECORDS + 2 * _manifest_parts(load),
    )


def _pages(objects: int) -> int:
    return 1 + max(0, -(-(objects - _KEYS_PER_PAGE) // _KEYS_PER_RANGE))


def _manifest_parts(load: FolderLoad) -> int:
    return -(-load.objects // _ROWS_PER_PART)


def _sum(counts: Iterable[RequestCounts]) -> RequestCounts:
    return sum(counts, RequestCounts())
