"""This process's limit of open files and connections: raised if possible, rejected if too low."""

import contextlib
import resource

from checkout_assets.domain.counting import in_number
from checkout_assets.domain.errors import UsageError

LEAST_OPEN_FILES = 512
"""Copying has up to 128 connections to each of two buckets; structuring opens Spark's 260
libraries, sockets and shuffle files."""

_ENOUGH = 4096
"""The limit to set where it may be raised: enough for several runs in one process."""


def ensure_open_files() -> None:
    """Raise this process's own limit as far as useful and permitted.

    Raises UsageError if the permitted limit is too low.
    """
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _reaches(limit, _ENOUGH):
        return
    wanted = _ENOUGH if _reaches(most, _ENOUGH) else most
    with contextlib.suppress(OSError, ValueError):  # macOS has another, lower limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        limit = wanted
    if not _reaches(limit, LEAST_OPEN_FILES):
        raise UsageError(
            f"Only {in_number(limit, '# file[|s]')} may be open at once (ulimit -n), and at least "
            f"{LEAST_OPEN_FILES:,} are needed: raise the limit (ulimit -n {_ENOUGH})."
        )


def _reaches(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
