"""What raw records about a migration: one cut-off for all folders, and the copied source."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import FOLDER_NAMES
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import completion_record_key
from spark_jobs.contract.record_format import (
    Instant,
    LaterFormatError,
    RecordError,
    read_record,
    write_record,
)
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import Blob, ConflictError, NotFoundError, Store, StoreError

AS_OF_KEY = "_manifests/as_of.json"
_MOST_TRIES = 20
"""Attempts to write the record; each fails only if another process wrote it in the meantime."""

_NONE = ""
"""Stands for a record without a cut-off."""


@dataclass(frozen=True)
class KeptCutOff:
    """The cut-off, the source that raw is copied from, and where raw is.

    ``replaced_sources`` are earlier sources of raw that were replaced on purpose. ``source_uri`` is
    empty in a record of an earlier version, until the next copy.
    """

    WHAT: ClassVar[str] = "cut-off"
    FORMAT_VERSION: ClassVar[int] = 1

    as_of: Instant
    source_uri: str = ""
    raw_uri: str = ""
    replaced_sources: list[str] = field(default_factory=list)

    @property
    def instant(self) -> datetime:
        """The cut-off in UTC."""
        return datetime.fromisoformat(self.as_of).astimezone(UTC)

    @property
    def sources(self) -> frozenset[str]:
        """Every source that a completion record in raw may name."""
        return frozenset({self.source_uri, *self.replaced_sources, ""})


@dataclass(frozen=True)
class Origin:
    """The source that a copy reads, and the source that it replaces on purpose, if any; as URIs."""

    source_uri: str = ""
    replaces: str = ""


@dataclass(frozen=True)
class _Found:
    kept: KeptCutOff | None = None
    etag: str | None = None


def settle_cut_off(raw: Store, asked: datetime | CutOff) -> datetime:
    """Settle the cut-off and keep it in raw, without checking which source raw is copied from."""
    return settle(raw, asked, Origin()).instant


def settle(raw: Store, asked: datetime | CutOff, origin: Origin) -> KeptCutOff:
    """Settle the cut-off and the source of this copy, and keep both in raw for other copies.

    Uses the kept cut-off, or the current time if there is none. A requested time, or ``now``,
    replaces the kept one. Raises UsageError if raw was copied from another source, unless
    ``origin`` replaces that one.
    """
    now = datetime.now(UTC)
    for _ in range(_MOST_TRIES):
        found = _find(raw, replacing=asked is not CutOff.KEPT)
        kept = _with_recorded_source(found.kept, raw, origin)
        wanted = _wanted(kept, asked, now, raw.uri, origin)
        if wanted == found.kept:
            return wanted
        try:
            raw.put(
                AS_OF_KEY,
                write_record(wanted),
                if_match=found.etag,
                if_absent=found.etag is None,
            )
        except ConflictError:  # another process wrote first: read what it kept
            continue
        return wanted
    raise MigrationError(
        f"Raw's {AS_OF_KEY} is written by other copies all the time, so this one did not begin. "
        "Run it again once they have begun."
    )


def find_cut_off(raw: Store) -> KeptCutOff | None:
    """Return the record in raw, or None before the first copy; raises UsageError if unreadable."""
    return _find(raw).kept


def kept_cut_off(raw: Store) -> datetime | None:
    """Return the cut-off that raw keeps, or None before the first copy."""
    kept = find_cut_off(raw)
    return kept.instant if kept else None


def refuse_other_source(raw: Store, origin: Origin) -> None:
    """Raise UsageError if raw was copied from another source that ``origin`` does not replace.

    Raises MigrationError if raw does not answer.
    """
    try:
        kept = _with_recorded_source(find_cut_off(raw), raw, origin)
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        sentence = f"Raw's {AS_OF_KEY} cannot be read: {reason}."
        raise MigrationError(sentence, error.failure) from None
    _with_source(kept, raw.uri, origin)


def _find(raw: Store, replacing: bool = False) -> _Found:
    """Read the record; with ``replacing``, an unreadable one counts as missing."""
    try:
        blob = raw.get(AS_OF_KEY)
    except NotFoundError:
        return _Found()
    try:
        return _Found(read_record(KeptCutOff, blob.data), blob.etag)
    except LaterFormatError as error:
        raise UsageError(f"Raw's {AS_OF_KEY}: {error}. {error.advice('')}") from None
    except RecordError as error:
        if replacing:
            return _Found(None, blob.etag)
        raise UsageError(
            f"Raw's {AS_OF_KEY} holds no cut-off ({error}): run checkout-assets copy with "
            "--as-of INSTANT (or set CHECKOUT_AS_OF for the copy), which replaces it."
        ) from None


def _with_recorded_source(kept: KeptCutOff | None, raw: Store, origin: Origin) -> KeptCutOff:
    """Return the record, completed with the source that raw is copied from.

    If the cut-off names no source, for example because somebody removed it, the completion records
    tell. The newest names the present source, the others the sources that it replaced. Raises
    MigrationError if raw does not answer.
    """
    kept = kept or KeptCutOff(_NONE, "", raw.uri)
    if kept.source_uri or not origin.source_uri:
        return kept
    try:
        found = sorted(_completion_records(raw), key=lambda each: each.listed_at, reverse=True)
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(
            "Raw's completion records, which tell its source, cannot be listed and read: "
            f"{reason}.",
            error.failure,
        ) from None
    first, *others = dict.fromkeys(each.source_uri for each in found if each.source_uri) or [""]
    replaced = dict.fromkeys((*kept.replaced_sources, *others))
    return replace(kept, source_uri=first, replaced_sources=list(replaced))


def _completion_records(raw: Store) -> Iterator[CompletionRecord]:
    """Yield the readable completion records; an unreadable one names no source."""
    wanted = {completion_record_key(name) for name in FOLDER_NAMES}
    below = AS_OF_KEY.partition("/")[0]
    there = [entry.key for entry in raw.list(f"{below}/") if entry.key in wanted]
    for _, read in raw.read_many(there):
        if not isinstance(read, Blob):
            raise read
        with suppress(RecordError):
            yield CompletionRecord.from_json(read.data)


def _wanted(
    kept: KeptCutOff, asked: datetime | CutOff, now: datetime, raw_uri: str, origin: Origin
) -> KeptCutOff:
    instant = now if isinstance(asked, CutOff) else asked
    named = _with_source(kept, raw_uri, origin)
    keeps = asked is CutOff.KEPT and kept.as_of != _NONE
    return named if keeps else replace(named, as_of=instant.isoformat())


def _with_source(kept: KeptCutOff, raw_uri: str, origin: Origin) -> KeptCutOff:
    """Return the record with the source that raw is copied from now, and those it replaces."""
    old, new = kept.source_uri, origin.source_uri
    if not new:
        return kept
    if old not in {"", new, origin.replaces}:
        raise UsageError(explain_other_source(f"Raw {displayable(raw_uri)}", old, new))
    # A cut-off can be removed. Then only completion records still name the replaced source.
    before = dict.fromkeys((*kept.replaced_sources, old, origin.replaces))
    replaced = [each for each in before if each not in {"", new}]
    where = kept.raw_uri if old == new else raw_uri
    return replace(kept, source_uri=new, raw_uri=where, replaced_sources=replaced)


def explain_other_source(what: str, old: str, new: str) -> str:
    """Build the message for data that was copied from another source than the requested one."""
    before, now = displayable(old), displayable(new)
    return (
        f"{what} was copied from {before}, not from {now}: check the source and raw. If {now} "
        f"takes the place of {before} on purpose, copy with --replaces-source {before} "
        "(CHECKOUT_REPLACES_SOURCE)."
    )
