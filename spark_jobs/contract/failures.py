"""Why work failed, as a value that decides whether it is retried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable


@dataclass(frozen=True)
class Failure:
    """Why a folder failed.

    ``code`` is the error code of a service, a library or the operating system
    (``spark_jobs.service_codes``), or one of this program's own. Code decides and counts by it; the
    message beside it is only for people. ``transient`` means that the same work may succeed later,
    although it has already been retried.
    """

    code: str
    transient: bool = False

    @classmethod
    def of(cls, code: str, others: Iterable[Failure] = ()) -> Failure:
        """One failure for several: transient only if each of them is."""
        return cls(code, all(other.transient for other in others))
