"""Publish a folder exactly once: staged files, one record, old files removed.

The record's conditional write decides between two runs. Every step may be repeated. A run that
finds a record in state ``publishing`` finishes that publication first.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Optional, Sequence

from spark_jobs.contract.counting import counted
from spark_jobs.contract.keys import publication_record_key, staged_key, staging_prefix
from spark_jobs.contract.publication import PUBLISHED, PUBLISHING, PublicationRecord, PublishedFile
from spark_jobs.contract.record_format import RecordError
from spark_jobs.job.plan import FolderError
from spark_jobs.stores import ConflictError, NotFoundError, Store, StoreError

ABANDONED_AFTER = timedelta(days=7)
"""Age at which a later run removes staged files that no record names."""


@dataclass(frozen=True)
class Published:
    """A folder's publication record and the entity tag that a conditional write must match."""

    record: Optional[PublicationRecord]
    etag: Optional[str]


def read_published(lake: Store, folder: str) -> Published:
    """Return the folder's current record; raises FolderError if it is unreadable."""
    try:
        blob = lake.get(publication_record_key(folder))
        return Published(PublicationRecord.from_json(blob.data), blob.etag)
    except NotFoundError:
        return Published(None, None)
    except RecordError as error:
        advice = error.advice("See docs/runbook.md#unreadable-record.")
        raise FolderError(f"{folder}: {error}. {advice}") from None


def finish_interrupted(lake: Store, folder: str) -> Published:
    """Return the folder's record; rolls it forward first if a run died while publishing it."""
    found = read_published(lake, folder)
    if found.record is None or found.record.state == PUBLISHED:
        return found
    return _roll_forward(lake, found.record, found.etag)


def refuse_other_raw(found: Published, raw_uri: str, replaces: str = "") -> None:
    """Raise FolderError if what is published was made from another raw than ``replaces``."""
    made_from = found.record.raw_uri if found.record else ""
    if found.record is not None and made_from not in {"", raw_uri, replaces}:
        raise FolderError(
            f"{found.record.folder}: the lake's rows were made from {made_from}, not from "
            f"{raw_uri}: check raw and lake. If {raw_uri} takes the place of {made_from} on "
            f"purpose, structure with --replaces-raw {made_from} (CHECKOUT_REPLACES_RAW)."
        )


def publish(lake: Store, record: PublicationRecord, base: Published) -> PublicationRecord:
    """Make ``record``'s staged files the folder's files, in place of those of ``base``.

    ``base`` is what the run found at its start. If another run published in the meantime, only this
    run's staging is removed and FolderError is raised.
    """
    previous = [file.path for file in base.record.all_files] if base.record else []
    publishing = replace(record, state=PUBLISHING, previous=previous)
    key = publication_record_key(record.folder)
    try:
        etag = lake.put(
            key, publishing.to_json(), if_match=base.etag, if_absent=base.record is None
        )
    except ConflictError:
        return _recorded_meanwhile(lake, record)
    published = _roll_forward(lake, publishing, etag).record
    if published is None or published.run_id != record.run_id:
        raise FolderError(_overtaken(record))
    return published


def remove_unnamed(lake: Store, base: Published, paths: Sequence[str]) -> None:
    """Remove files that belong to the folder by their names, but are not named by its record.

    First a conditional write adds them to the record as files to delete. So a run that publishes
    the folder at the same time conflicts with the removal as with any other run, and an interrupted
    removal is finished by the next run. Raises FolderError if nothing was removed because another
    run published the folder after ``base`` was read, or because a published file is missing.
    """
    record = base.record
    assert record is not None
    assert record.state == PUBLISHED
    named = {file.path for file in record.all_files}
    removing = replace(
        record, state=PUBLISHING, previous=[path for path in paths if path not in named]
    )
    _check_in_place(lake, record, record.all_files)
    try:
        etag = lake.put(
            publication_record_key(record.folder), removing.to_json(), if_match=base.etag
        )
    except ConflictError:
        raise FolderError(
            f"{record.folder}: another run published this folder meanwhile, so no file was "
            "removed. Run it again."
        ) from None
    try:
        _roll_forward(lake, removing, etag)
    except StoreError:
        # A file that can never be deleted must not block later publications of the folder.
        with suppress(StoreError):
            lake.put(publication_record_key(record.folder), record.to_json(), if_match=etag)
        raise


def _recorded_meanwhile(lake: Store, record: PublicationRecord) -> PublicationRecord:
    """Return what was published if this very run was started twice; else raises FolderError.

    Both starts share their staged files, so the later one must not remove what the other publishes.
    """
    now = read_published(lake, record.folder).record
    if now is not None and now.run_id == record.run_id:
        now = finish_interrupted(lake, record.folder).record
    discard_staging(lake, record.folder, record.run_id)
    if now is None:
        raise FolderError(_record_removed(record))
    if now.run_id == record.run_id:
        return now
    raise FolderError(
        f"{record.folder}: another run published this folder meanwhile; this run's files were "
        "removed and nothing was changed. Run it again if its rows are still wanted."
    )


def discard_staging(lake: Store, folder: str, run_id: str) -> None:
    """Remove what a run staged for a folder, and nothing else."""
    lake.delete(entry.key for entry in list(lake.list(staging_prefix(folder, run_id))))


def remove_abandoned_staging(lake: Store, folder: str, now: Optional[datetime] = None) -> int:
    """Remove the folder's staged files older than seven days; returns how many.

    A record in state ``publishing`` was rolled forward before, so no record names them.
    """
    limit = (now or datetime.now(timezone.utc)) - ABANDONED_AFTER
    stale = [
        entry.key
        for entry in lake.list(f"_staging/{folder}/")
        if entry.last_modified.astimezone(timezone.utc) < limit
    ]
    lake.delete(stale)
    return len(stale)


def _roll_forward(lake: Store, record: PublicationRecord, etag: Optional[str]) -> Published:
    _put_in_place(lake, record)
    kept = {file.path for file in record.all_files}
    lake.delete(path for path in record.previous if path not in kept)
    published = replace(record, state=PUBLISHED, previous=[])
    key = publication_record_key(record.folder)
    try:
        new_etag = lake.put(key, published.to_json(), if_match=etag)
    except ConflictError:
        return _after_conflict(lake, record)
    discard_staging(lake, record.folder, record.run_id)
    return Published(published, new_etag)


def _after_conflict(lake: Store, record: PublicationRecord) -> Published:
    """Return the record after a conflict: another run published the same or a later record."""
    now = read_published(lake, record.folder)
    if now.record is None:
        raise FolderError(_record_removed(record))
    if now.record.state == PUBLISHING:
        raise FolderError(f"{record.folder} is being published by another run. Try again later.")
    return now


def _put_in_place(lake: Store, record: PublicationRecord) -> None:
    """Move all staged files to their final keys; some or all may already be there."""
    moves = [
        (staged_key(record.folder, record.run_id, file.path), file.path)
        for file in record.all_files
    ]
    failed = lake.move_many(moves)
    for error in failed.values():
        if not isinstance(error, NotFoundError):
            raise error
    _check_in_place(lake, record, [file for file in record.all_files if file.path in failed])


def _check_in_place(lake: Store, record: PublicationRecord, files: Sequence[PublishedFile]) -> None:
    """Raise FolderError unless these files, which are no longer staged, are in place."""
    sizes = lake.sizes(file.path for file in files)
    missing = next((file for file in files if sizes[file.path] != file.size), None)
    if missing is None:
        return
    now = read_published(lake, record.folder).record
    if now is not None and now.run_id != record.run_id:
        raise FolderError(_overtaken(record))
    raise FolderError(
        f"{record.folder}: the published file {missing.path} is neither staged nor in place. "
        "See docs/runbook.md#files_missing."
    )


def _record_removed(record: PublicationRecord) -> str:
    return (
        f"{record.folder}: the publication record was removed meanwhile, so it is not known which "
        "files are the folder's. See docs/runbook.md#unreadable-record, then run it again."
    )


def _overtaken(record: PublicationRecord) -> str:
    return f"{record.folder}: a later run has replaced what this run published."


def reconcile_counts(record: PublicationRecord) -> None:
    """Compare what was staged with the totals and with the copy's own count.

    Raises FolderError that names both sides if a single row or object is unaccounted for.
    """
    totals = record.totals
    staged_rows = sum(file.rows for file in record.files)
    staged_quarantine = sum(file.rows for file in record.quarantine)
    expected_rows, expected_quarantine = totals.table_rows, totals.quarantine_rows
    accounted = totals.documents == totals.rows + totals.quarantined_documents
    if (staged_rows, staged_quarantine) == (expected_rows, expected_quarantine) and accounted:
        return
    raise FolderError(
        f"{record.folder}: {counted(totals.documents, 'document')} became "
        f"{counted(staged_rows, 'staged row')} and "
        f"{counted(staged_quarantine, 'staged quarantine row')}, but {expected_rows:,} and "
        f"{expected_quarantine:,} were counted. Nothing was published."
    )
