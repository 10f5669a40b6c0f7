"""Decide whether raw holds the bytes of a source object when the listed tags do not tell.

A tag is the MD5 of the bytes, unless the object is encrypted with a KMS key or a customer's key, or
was uploaded in parts. Otherwise checksums tell, if S3 keeps one of the same kind for both objects.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from enum import StrEnum
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import SourceObject, is_md5_form
from spark_jobs.stores import ConflictError, NotFoundError, StoreError
from spark_jobs.stores.s3 import HeadStarter
from spark_jobs.transport.answers import Headers, Response
from spark_jobs.transport.calls import OnEnd

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_CHECKSUMS = tuple(
    f"x-amz-checksum-{name}" for name in ("crc64nvme", "sha256", "sha1", "crc32c", "crc32")
)
_ENCRYPTION = "x-amz-server-side-encryption"
_WITH_CHECKSUMS = ("x-amz-checksum-mode", "ENABLED")
_SOURCE, _RAW = "source", "raw"
_SIDES = 2
_Head = Response | StoreError
_LARGEST_READ = 16 * 1024**2
"""Largest size in bytes of two objects that are read in order to compare them."""


class Bytes(StrEnum):
    """What is known about whether two objects have the same bytes."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    """The source object is no longer the version to compare with, or is gone."""


def by_tags(source_etag: str, raw_etag: str) -> Bytes:
    """Compare the tags if both are MD5s; for objects uploaded in parts the result is unknown."""
    if source_etag == raw_etag:
        return Bytes.SAME
    comparable = is_md5_form(source_etag) and not _of_parts(raw_etag)
    return Bytes.OTHER if comparable else Bytes.UNKNOWN


def by_heads(tags: Bytes, source: Response, raw: Response) -> Bytes:
    """Compare the headers of two objects; ``tags`` is the result of ``by_tags`` for them."""
    if tags is not Bytes.UNKNOWN and not (_tag_is_no_md5(source) or _tag_is_no_md5(raw)):
        return tags
    if source.header("content-length") != raw.header("content-length"):
        return Bytes.OTHER
    for name in _CHECKSUMS:
        one, other = source.header(name), raw.header(name)
        if one and one == other:
            return Bytes.SAME
        if one and other and not _of_parts(one) and not _of_parts(other):
            return Bytes.OTHER
    return Bytes.UNKNOWN


Finding = Bytes | StoreError
OnFinding = Callable[[Finding], None]


class Comparer:
    """Compares objects of two stores over the fast transport."""

    def __init__(self, source: "S3Store", raw: "S3Store") -> None:
        self._source = source
        self._raw = raw
        self._ask_source = source.head_starter()
        self._ask_raw = raw.head_starter()

    def start(self, source: SourceObject, raw_key: str, tags: Bytes, on_finding: OnFinding) -> None:
        """Compare by the headers of both objects, if the source object is still that version.

        ``on_finding`` is called once, on awscrt's thread.
        """
        heads = _Heads(lambda one, other: on_finding(_finding(tags, one, other)))
        as_listed = [("if-match", f'"{source.etag}"')]
        _ask(self._ask_source, source.key, as_listed, heads.of(_SOURCE))
        _ask(self._ask_raw, raw_key, [], heads.of(_RAW))

    def compare(self, source: SourceObject, raw_key: str, raw_etag: str) -> Bytes:
        """Compare the bytes of both objects, and read them if necessary; blocks on S3.

        Raises StoreError.
        """
        tags = by_tags(source.etag, raw_etag)
        if tags is Bytes.SAME:
            return tags
        asked: Future[Finding] = Future()
        self.start(source, raw_key, tags, asked.set_result)
        found = asked.result()
        if isinstance(found, StoreError):
            raise found
        if found is Bytes.UNKNOWN and source.size <= _LARGEST_READ:
            return self._by_reading(source, raw_key, raw_etag)
        return found

    def _by_reading(self, source: SourceObject, raw_key: str, raw_etag: str) -> Bytes:
        try:
            one = self._source.get(source.key)
        except NotFoundError:
            return Bytes.CHANGED
        if one.etag != source.etag:
            return Bytes.CHANGED
        other = self._raw.get(raw_key)
        if other.etag != raw_etag:
            return Bytes.UNKNOWN
        return Bytes.SAME if one.data == other.data else Bytes.OTHER


class _Heads:
    """Waits for the responses of both sides, which arrive on any thread."""

    def __init__(self, on_both: Callable[[_Head, _Head], None]) -> None:
        self._on_both = on_both
        self._found: dict[str, _Head] = {}
        self._lock = threading.Lock()

    def of(self, side: str) -> OnEnd:
        """Return the callback for the response of that side."""

        def on_end(response: Response, error: StoreError | None) -> None:
            with self._lock:
                self._found[side] = error or response
                complete = len(self._found) == _SIDES
            if complete:
                self._on_both(self._found[_SOURCE], self._found[_RAW])

        return on_end


def _finding(tags: Bytes, source: _Head, raw: _Head) -> Finding:
    if isinstance(source, ConflictError | NotFoundError):
        return Bytes.CHANGED
    for head in (source, raw):
        if isinstance(head, StoreError):
            return head
    assert isinstance(source, Response)
    assert isinstance(raw, Response)
    return by_heads(tags, source, raw)


def _ask(start: HeadStarter, key: str, headers: Headers, on_end: OnEnd) -> None:
    """Request the headers with checksums; under KMS, S3 returns them only with kms:Decrypt."""

    def on_first(response: Response, error: StoreError | None) -> None:
        if error is not None and error.code == "AccessDenied":
            start(key, on_end, headers)
        else:
            on_end(response, error)

    start(key, on_first, [*headers, _WITH_CHECKSUMS])


def _tag_is_no_md5(head: Response) -> bool:
    customers_key = f"{_ENCRYPTION}-customer-algorithm"
    return head.header(_ENCRYPTION).startswith("aws:kms") or bool(head.header(customers_key))


def _of_parts(digest: str) -> bool:
    """Whether the digest is a digest of the parts' digests: those end in ``-<parts>``."""
    return "-" in digest
