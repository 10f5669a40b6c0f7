"""What the folders of one copying run share."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.engines.copying.progress import CopyProgress
from checkout_assets.engines.copying.requests import ObjectCopier

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store


class CopyCancelledError(Exception):
    """Whoever asked for the copy no longer wants it."""


@dataclass(frozen=True, slots=True)
class CopyRun:
    """What the folders of a run share.

    ``run_id`` comes again when a run is taken up again, ``copy_id`` never does. ``sources`` are
    those that raw may have been copied from.
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

    def hang_up(self) -> None:
        """End all requests for objects and listings now, without waiting for their answers."""
        self.copier.hang_up()
        for store in (self.source, self.raw):
            store.crt().hang_up()
