"""How many files and connections this process may have open at once: enough, or it is refused."""

import contextlib
import resource

from checkout_assets.domain.counting import in_number
from checkout_assets.domain.errors import UsageError

LEAST_OPEN_FILES = 512
"""Copying holds up to 128 connections to each of two buckets; Java each of Spark's 260 libraries
open, and Spark its sockets and shuffle files."""

_ENOUGH = 4096
"""Asked for where the limit may be raised: several runs of one process then fit in."""


def ensure_open_files() -> None:
    """Raise this process's own limit as far as that is useful and permitted.

    Raises UsageError if what is permitted is too little.
    """
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _reaches(limit, _ENOUGH):
        return
    wanted = _ENOUGH if _reaches(most, _ENOUGH) else most
    with contextlib.suppress(OSError, ValueError):  # macOS has another limit below this one
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        limit = wanted
    if not _reaches(limit, LEAST_OPEN_FILES):
        raise UsageError(
            f"Only {in_number(limit, '# file[|s]')} may be open at once (ulimit -n), and at least "
            f"{LEAST_OPEN_FILES:,} are needed: raise the limit (ulimit -n {_ENOUGH})."
        )


def _reaches(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
