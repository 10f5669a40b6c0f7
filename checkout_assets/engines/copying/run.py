"""State that all folders of one copying run share."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.engines.copying.progress import CopyProgress
from checkout_assets.engines.copying.requests import ObjectCopier

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store


class CopyCancelledError(Exception):
    """The caller cancelled the copy."""


@dataclass(frozen=True, slots=True)
class CopyRun:
    """State that all folders of a run share.

    ``run_id`` is the same when a run is resumed; ``copy_id`` is always new. ``sources`` are those
    that raw may have been copied from. A run that ``samples`` copies only each folder's sample.
    """

    source: "S3Store"
    raw: "S3Store"
    copier: ObjectCopier
    as_of: datetime
    run_id: str
    copy_id: str
    progress: CopyProgress
    cancelled: threading.Event
    sources: frozenset[str]
    samples: bool = False

    def hang_up(self) -> None:
        """End all requests for objects and listings now, without waiting for their responses."""
        self.copier.hang_up()
        for store in (self.source, self.raw):
            store.crt().hang_up()
