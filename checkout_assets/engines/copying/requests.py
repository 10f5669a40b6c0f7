"""Copying single objects: server-side requests, many in flight, and what to do if one fails.

The awscrt client retries what is transient by itself, with backoff and jitter; what it gives up
on, and what needs a second look at the source, is dealt with on a few threads aside.
"""

import random
import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.copying import ARCHIVED, SourceObject
from spark_jobs.stores import ConflictError, NotFoundError, StoreError
from spark_jobs.stores.crt import CrtS3, Response, encoded

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

LARGEST_COPY = 5 * 1024**3
"""Bytes up to which CopyObject works: S3 API reference; above it parts are copied."""

_MOST_ATTEMPTS = 3
"""Each of which awscrt repeats for some ten seconds."""

_LONGEST_PAUSE_SECONDS = 20.0
_THREADS_ASIDE = 8
_PART_BYTES = 256 * 1024**2
_ETAG = re.compile(rb"<ETag>(?:&quot;|&#34;|\")?([^<&\"]+)")
_KEPT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "WebsiteRedirectLocation",
)
_CHANGED_TWICE = "it changed at the source again while it was copied"
_EXPLAINED = {
    "AccessDenied": "access was denied: the source must allow reading it and raw writing it",
    "NoSuchBucket": "a bucket does not exist",
    "SlowDown": "S3 asked to slow down, again and again",
}


class Ending(StrEnum):
    """How copying one object ended."""

    COPIED = "copied"
    FAILED = "failed"
    GONE = "gone"
    """It was deleted at the source between listing and copying."""
    NEWER = "newer"
    """It was overwritten at the source meanwhile, after the cut-off."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object; ``source`` is the version last seen at the source."""

    ending: Ending
    source: SourceObject
    attempts: int
    raw_etag: str = ""
    error: str = ""


class ObjectCopier:
    """Copies objects from one store to another; shared by the folders of a run."""

    def __init__(
        self,
        source: "S3Store",
        raw: "S3Store",
        as_of: datetime,
        in_flight: int,
        largest_copy: int = LARGEST_COPY,
    ) -> None:
        self._source = source
        self._raw = raw
        self._as_of = as_of
        self._largest_copy = largest_copy
        self._crt = CrtS3(raw.endpoint, raw.credentials, connections=in_flight)
        self._slots = threading.BoundedSemaphore(in_flight)
        self._aside = ThreadPoolExecutor(_THREADS_ASIDE, thread_name_prefix="copy-aside")

    def start(self, source: SourceObject, raw_key: str) -> "Future[Outcome]":
        """Begin to copy an object, waiting while enough are in flight; the future never raises."""
        ending: Future[Outcome] = Future()
        self._slots.acquire()
        ending.add_done_callback(lambda _: self._slots.release())
        if source.size > self._largest_copy:
            self._turn_aside(ending, source, raw_key, None)
        else:
            answer = self._send(source, raw_key)
            answer.add_done_callback(lambda done: self._end(ending, source, raw_key, done))
        return ending

    def close(self) -> None:
        """Wait for what is in flight and let go of the threads."""
        self._aside.shutdown(wait=True, cancel_futures=False)

    def _send(self, source: SourceObject, raw_key: str) -> "Future[Response]":
        place = f"/{self._source.bucket}/{encoded(self._source.prefix + source.key)}"
        headers = [
            ("x-amz-copy-source", place),
            ("x-amz-copy-source-if-match", f'"{source.etag}"'),
        ]
        key = self._raw.prefix + raw_key
        try:
            return self._crt.send("CopyObject", "PUT", self._raw.bucket, key, headers)
        except Exception as error:
            refused: Future[Response] = Future()
            refused.set_exception(StoreError(type(error).__name__, raw_key))
            return refused

    def _end(
        self,
        ending: "Future[Outcome]",
        source: SourceObject,
        raw_key: str,
        answer: "Future[Response]",
    ) -> None:
        error = answer.exception()
        if error is None:
            ending.set_result(_copied(source, answer.result(), 1))
        else:
            self._turn_aside(ending, source, raw_key, error)

    def _turn_aside(
        self,
        ending: "Future[Outcome]",
        source: SourceObject,
        raw_key: str,
        error: BaseException | None,
    ) -> None:
        def persist() -> None:
            try:
                if error is None:
                    ending.set_result(self._copy_in_parts(source, raw_key))
                else:
                    ending.set_result(self._persist(source, raw_key, error))
            except Exception as fault:
                ending.set_result(_failed(source, fault, 1))

        try:
            self._aside.submit(persist)
        except RuntimeError as closed:
            ending.set_result(_failed(source, closed, 1))

    def _persist(self, source: SourceObject, raw_key: str, error: BaseException) -> Outcome:
        """Try again what may still succeed: a changed source once, transient failures often."""
        looked_again = False
        for attempt in range(1, _MOST_ATTEMPTS):
            if _is_about_the_source(error):
                if looked_again:
                    return Outcome(Ending.FAILED, source, attempt, error=_CHANGED_TWICE)
                looked_again = True
                now = self._look_again(source.key)
                if now is None:
                    return Outcome(Ending.GONE, source, attempt)
                if now.last_modified > self._as_of:
                    return Outcome(Ending.NEWER, now, attempt)
                source = now
            elif _may_pass(error):
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE_SECONDS, 0.2 * 2**attempt)))
            else:
                return _failed(source, error, attempt)
            answer = self._send(source, raw_key)
            failure = answer.exception()
            if failure is None:
                return _copied(source, answer.result(), attempt + 1)
            error = failure
        return _failed(source, error, _MOST_ATTEMPTS)

    def _look_again(self, key: str) -> SourceObject | None:
        """The object as the source lists it now: a HEAD would tell its time in seconds only."""
        for entry in self._source.list(key):
            if entry.key == key:
                return SourceObject(
                    key, entry.size, entry.etag, entry.last_modified, entry.storage_class
                )
            break
        return None

    def _copy_in_parts(self, source: SourceObject, raw_key: str) -> Outcome:
        """UploadPartCopy for what is too large for one request; headers have to be carried over."""
        from boto3.s3.transfer import TransferConfig
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            head = self._head(self._source, source.key)
            self._raw.client.copy(
                {"Bucket": self._source.bucket, "Key": self._source.prefix + source.key},
                self._raw.bucket,
                self._raw.prefix + raw_key,
                ExtraArgs={
                    "CopySourceIfMatch": f'"{source.etag}"',
                    **{name: head[name] for name in _KEPT_HEADERS if name in head},
                },
                SourceClient=self._source.client,
                Config=TransferConfig(multipart_threshold=1, multipart_chunksize=_PART_BYTES),
            )
            etag = self._head(self._raw, raw_key)["ETag"].strip('"')
        except (BotoCoreError, ClientError) as error:
            return _failed(source, error, 1)
        return Outcome(Ending.COPIED, source, 1, raw_etag=etag)

    @staticmethod
    def _head(store: "S3Store", key: str) -> Mapping[str, Any]:
        head: Mapping[str, Any] = store.client.head_object(
            Bucket=store.bucket, Key=store.prefix + key
        )
        return head


def _copied(source: SourceObject, response: Response, attempts: int) -> Outcome:
    etag = _ETAG.search(response.body)
    if etag is None:
        error = "S3 said neither what it copied nor that it failed"
        return Outcome(Ending.FAILED, source, attempts, error=error)
    return Outcome(Ending.COPIED, source, attempts, raw_etag=etag[1].decode())


def _failed(source: SourceObject, error: BaseException, attempts: int) -> Outcome:
    return Outcome(Ending.FAILED, source, attempts, error=_explain(source, error))


def _is_about_the_source(error: BaseException) -> bool:
    """The source object is no longer the one that was listed: changed, or gone."""
    if isinstance(error, ConflictError):
        return error.code == "PreconditionFailed"
    return isinstance(error, NotFoundError) and error.code != "NoSuchBucket"


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ConflictError) or (isinstance(error, StoreError) and error.transient)


def _explain(source: SourceObject, error: BaseException) -> str:
    code = _code(error)
    archived = source.storage_class in ARCHIVED
    if code == "InvalidObjectState" or (archived and code == "AccessDenied"):
        return (
            f"it is archived ({source.storage_class}): restore it with aws s3api restore-object, "
            "wait until it is restored, then copy again"
        )
    if code.startswith("KMS"):
        return f"its KMS key may not be used ({code}): the key's policy must grant kms:Decrypt"
    if code.startswith("AWS_"):
        return f"the request failed ({code})"
    return _EXPLAINED.get(code, f"S3 answered {code}")


def _code(error: BaseException) -> str:
    if isinstance(error, StoreError):
        return error.code
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", type(error).__name__))
