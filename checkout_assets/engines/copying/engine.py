"""The engine that copies folders from source to raw by server-side requests."""

import secrets
import threading
import time
import traceback
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.verification import OutOfOrderError
from checkout_assets.engines.copying.cutoff import settle_cut_off
from checkout_assets.engines.copying.folder_copy import CancelledError, CopyRun, FolderCopy
from checkout_assets.engines.copying.manifest import find_record
from checkout_assets.engines.copying.progress import CopyProgress, NoProgress
from checkout_assets.engines.copying.requests import CLOCK_IS_WRONG, LARGEST_COPY, ObjectCopier
from checkout_assets.engines.copying.result import FolderCopied, FolderError, facts_of
from checkout_assets.engines.copying.terms import CopyTerms
from checkout_assets.engines.locations import S3Location, principal
from spark_jobs.completed import completed
from spark_jobs.contract import RecordError
from spark_jobs.stores import StoreError

__all__ = ["CopyEngine", "CopyOptions", "CopyTerms", "FolderCopied"]


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How to copy.

    ``as_of`` is the cut-off; ``in_flight`` the requests under way at once, for all folders
    together; objects above ``largest_copy`` bytes are copied in parts.
    """

    as_of: datetime | CutOff = CutOff.KEPT
    folders_at_once: int = 8
    in_flight: int = 1024
    largest_copy: int = LARGEST_COPY
    terms: CopyTerms = field(default_factory=CopyTerms)


class CopyEngine:
    """Copies folders and verifies them; a FolderEngine of FolderCopied."""

    def __init__(
        self,
        source: S3Location,
        raw: S3Location,
        options: CopyOptions | None = None,
        progress: CopyProgress | None = None,
    ) -> None:
        self._source = source
        self._raw = raw
        self._options = options or CopyOptions()
        self._progress = progress or NoProgress()

    def run(self, folders: Sequence[Folder], run_id: str) -> Generator[FolderCopied, None, None]:
        """See FolderEngine; a folder that this run id has completed is yielded without work."""
        run = self._open(run_id)
        pool = ThreadPoolExecutor(self._options.folders_at_once, thread_name_prefix="copy-folder")
        try:
            yield from completed(
                [pool.submit(_copy_folder, run, folder, run_id) for folder in folders]
            )
        finally:
            run.cancelled.set()
            run.copier.cancel()
            pool.shutdown(wait=True, cancel_futures=True)
            run.copier.close()

    def _open(self, run_id: str) -> CopyRun:
        options, terms = self._options, self._options.terms
        # One principal lists and copies on both sides: only so can S3 copy between them.
        session = principal(terms.role_arn)
        source = self._source.open(session, terms.source_account, terms.requester_pays)
        raw = self._raw.open(session, terms.raw_account)
        as_of = settle_cut_off(raw, options.as_of)
        cancelled = threading.Event()
        copier = ObjectCopier(
            source, raw, as_of, options.in_flight, options.largest_copy, terms, cancelled
        )
        return CopyRun(
            source=source,
            raw=raw,
            copier=copier,
            as_of=as_of,
            # Of its own even if the run id comes again: parts are never written twice.
            copy_id=f"{run_id}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
            progress=self._progress,
            cancelled=cancelled,
        )


def _copy_folder(run: CopyRun, folder: Folder, run_id: str) -> FolderCopied:
    """Copy a folder and keep its failure from its neighbours."""
    started = time.monotonic()
    try:
        copied = _done_before(run, folder, run_id) or FolderCopy(run, folder).copy()
    except CancelledError:
        copied = FolderCopied(folder, error=f"{folder}: cancelled. Copy it again to go on.")
    except FolderError as fault:
        copied = FolderCopied(folder, error=str(fault))
    except StoreError as error:
        copied = FolderCopied(folder, error=_explain(folder, error))
    except RecordError as error:
        copied = FolderCopied(folder, error=f"{folder}: {error}. Copy it again.")
    except OutOfOrderError as error:
        copied = FolderCopied(folder, error=f"{folder}: {error}. Nothing was recorded.")
    except Exception as error:
        copied = FolderCopied(folder, error=_explain_fault(folder, error))
    run.progress.on_folder(folder, copied.error)
    return replace(copied, seconds=round(time.monotonic() - started, 3))


def _done_before(run: CopyRun, folder: Folder, run_id: str) -> FolderCopied | None:
    record = find_record(run.raw, folder.name).record
    if record is None or not record.copy_id.startswith(f"{run_id}-"):
        return None
    return FolderCopied(folder, facts_of(record), record=record)


def _explain(folder: Folder, error: StoreError) -> str:
    reasons = {
        "NoSuchBucket": "the bucket does not exist",
        "AccessDenied": "access was denied",
        "RequestTimeTooSkewed": CLOCK_IS_WRONG,
    }
    reason = reasons.get(error.code, f"S3 answered {error.code}")
    return f"{folder}: {reason} while listing or recording. Copy it again once that is solved."


def _explain_fault(folder: Folder, error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return f"{folder}: {type(error).__name__} in {place}: a fault of the program, please report it."
