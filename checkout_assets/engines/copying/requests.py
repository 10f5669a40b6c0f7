"""Copy single objects: many server-side requests in flight, and the handling of failures.

Transient failures are retried here, so that the pace learns of each one. A failure that needs a
second look at source or raw goes to ``second_looks``; ``judging`` verifies a copy.
"""

import random
import threading
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import SourceObject
from checkout_assets.engines.copying.attempts import Attempt, ObjectOutcome, OnEnd
from checkout_assets.engines.copying.comparing import Comparer
from checkout_assets.engines.copying.conditions import (
    is_about_raw,
    may_be_about_the_source,
    only_over,
)
from checkout_assets.engines.copying.denials import Denials
from checkout_assets.engines.copying.explaining import SAID_NOTHING, why_failed
from checkout_assets.engines.copying.judging import Judge
from checkout_assets.engines.copying.object_tags import ObjectTags
from checkout_assets.engines.copying.pace import RequestPace
from checkout_assets.engines.copying.parts import UnfinishedUploadError, copy_in_parts
from checkout_assets.engines.copying.second_looks import Aside, SecondLooks
from checkout_assets.engines.copying.terms import SSE_KMS, CopyTerms
from checkout_assets.engines.failed_requests import code_of
from spark_jobs.contract.failures import Failure
from spark_jobs.refusals import credentials_problem
from spark_jobs.service_codes import EXPIRED, is_denied
from spark_jobs.stores import NotFoundError, StoreError
from spark_jobs.transport.answers import Response, copied_etag
from spark_jobs.transport.client import CrtS3
from spark_jobs.transport.endpoints import copy_source, encoded
from spark_jobs.transport.later import Later

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

LARGEST_COPY = 5 * 1024**3
"""Largest size in bytes for CopyObject (S3 API reference); larger objects are copied in parts."""

_MOST_ATTEMPTS = 20
"""With full jitter they take some two minutes, unless the pace gives up earlier."""

_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 20.0
_MOST_DENIALS_LOOKED_AT = 1000
_CHANGES = frozenset(("404", "NoSuchKey", "NoSuchUpload", "PreconditionFailed"))
_NO_CONDITIONS = "NotImplemented"
"""The error code of a store that does not support conditions on copies."""


class ObjectCopier:
    """Copies objects from one store to another; shared by the folders of a run."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a run is made of
        self,
        source: "S3Store",
        raw: "S3Store",
        as_of: datetime,
        in_flight: int,
        largest_copy: int,
        terms: CopyTerms,
        cancelled: threading.Event,
    ) -> None:
        self._source = source
        self._raw = raw
        self._largest_copy = largest_copy
        self._terms = terms
        self._headers = terms.headers()
        self._conditional = True
        comparer = Comparer(source, raw)
        self._looks = SecondLooks(source, raw, as_of, comparer, self._begin)
        self._aside = Aside()
        self._judge = Judge(comparer, terms.encryption == SSE_KMS, self._look_aside)
        self._cancelled = cancelled
        self._crt = CrtS3(raw.endpoint, raw.credentials, connections=in_flight, tries=1)
        self._denials_looked_at = 0
        self._expired = self._last_failure = ""
        self._pace = RequestPace(in_flight, self._crt.limit)
        self._denials = Denials()
        self._later = Later()
        self._tags = ObjectTags(source)
        self._source_place = copy_source(source.bucket, source.prefix)

    def _look_aside(self, attempt: Attempt) -> None:
        self._aside.take(attempt, self._looks.at_source)

    @property
    def hopeless(self) -> str:
        """Why continuing is useless, as a clause; empty while it is useful."""
        if self._denials.given_up:
            return self._denials.given_up.clause
        if self._expired or not self._pace.hopeless:
            return self._expired
        problem = credentials_problem(self._last_failure)
        return problem or "S3 has answered nothing but errors for minutes"

    @property
    def failure_of_giving_up(self) -> Failure:
        """Return the failure of the folders that did not begin before the run was given up."""
        denied = self._denials.given_up
        return denied.failure if denied else Failure("GivenUp", transient=True)

    @property
    def last_heard(self) -> float:
        """The monotonic time at which S3 last answered a copy; 0 before the first response."""
        return self._crt.last_heard

    def start(self, source: SourceObject, raw_key: str, there: str | None, on_end: OnEnd) -> None:
        """Begin to copy an object; blocks while enough requests are in flight.

        ``there`` is the tag that raw's listing shows at its key, or None. ``on_end`` is called once
        with the outcome, on any thread; it must not block.
        """
        if not self._denials.open:
            self._denials.wait_for_turn()
            on_end = partial(self._end_first, on_end)
        self._begin(Attempt(source, raw_key, there, on_end))

    def _end_first(self, on_end: OnEnd, outcome: ObjectOutcome) -> None:
        self._denials.end_turn()
        on_end(outcome)

    def _begin(self, attempt: Attempt) -> None:
        if self._denials.given_up:
            attempt.fail(self._denials.given_up)
        elif attempt.source.size > self._largest_copy:
            self._aside.take(attempt, self._copy_in_parts)
        else:
            self._send(attempt)

    def cancel(self) -> None:
        """Stop waiting for further attempts."""
        self._later.hurry()

    def hang_up(self) -> None:
        """Stop waiting for responses: requests in flight end as cancelled."""
        self._crt.hang_up()

    def close(self) -> None:
        """Wait for requests in flight and end the threads."""
        self._later.close()
        self._aside.close()
        self._crt.close()

    def _send(self, attempt: Attempt) -> None:
        source = attempt.source
        headers = [
            ("x-amz-copy-source", self._source_place + encoded(source.key)),
            ("x-amz-copy-source-if-match", f'"{source.etag}"'),
            *self._headers,
        ]
        attempt.conditional = self._conditional
        if attempt.conditional:
            headers.append(only_over(attempt.there))
        key = self._raw.prefix + attempt.raw_key
        attempt.number += 1
        self._pace.begin()

        def on_end(response: Response, error: StoreError | None) -> None:
            try:
                self._answered(attempt, response, error)
            except Exception as fault:
                attempt.fail(why_failed(attempt.source, fault))

        try:
            self._crt.start("PUT", self._raw.bucket, key, on_end, headers)
        except Exception as error:
            self._pace.succeeded()
            attempt.fail(why_failed(attempt.source, error))

    def _answered(self, attempt: Attempt, response: Response, error: StoreError | None) -> None:
        """Handle a response; runs on awscrt's thread, so nothing here may block."""
        if error is not None and error.code == _NO_CONDITIONS and attempt.conditional:
            self._conditional = False
            self._pace.succeeded()
            self._later.call(0.0, lambda: self._begin(attempt))
            return
        if error is not None and error.transient:
            self._pace.failed()
            self._denials.answered()
            self._last_failure = error.code
            self._try_later(attempt, error)
            return
        self._pace.succeeded(response.seconds)
        self._count(error)
        if error is not None and error.code in EXPIRED:
            self._expired = credentials_problem(error.code)
        if error is None:
            self._judge_answer(attempt, response)
        elif is_about_raw(error):
            self._aside.take(attempt, self._looks.at_raw)
        elif may_be_about_the_source(error) or self._may_be_gone(attempt, error):
            self._aside.take(attempt, partial(self._looks.at_source, error=error))
        else:
            attempt.fail(why_failed(attempt.source, error))

    def _count(self, error: BaseException | None) -> None:
        """Count a denial; if it gives the run up, end the requests in flight."""
        if error is None or not is_denied(code_of(error)):
            self._denials.answered()
        elif self._denials.denied(code_of(error)):
            self._later.call(0.0, self._crt.hang_up)

    def _may_be_gone(self, attempt: Attempt, error: StoreError) -> bool:
        """Whether a denial may mean that the object was deleted.

        S3 denies a deleted object to a principal that may list the source by prefix only. If every
        copy is denied, the first second looks have shown that.
        """
        if error.code != "AccessDenied" or attempt.looked_again or self._denials.given_up:
            return False
        self._denials_looked_at += 1
        return self._denials_looked_at <= _MOST_DENIALS_LOOKED_AT

    def _judge_answer(self, attempt: Attempt, response: Response) -> None:
        if etag := copied_etag(response):
            self._judge.by_tag(attempt, etag)
        else:
            attempt.fail(SAID_NOTHING)

    def _try_later(self, attempt: Attempt, error: StoreError) -> None:
        """Retry a transient failure, with full jitter, unless retrying has become useless."""
        if attempt.number >= _MOST_ATTEMPTS or self.hopeless or self._cancelled.is_set():
            attempt.fail(why_failed(attempt.source, error))
            return
        longest = min(_LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * 2**attempt.number)
        self._later.call(random.uniform(0, longest), lambda: self._begin(attempt))

    def _copy_in_parts(self, attempt: Attempt) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        source = attempt.source
        attempt.number += 1
        try:
            etag = copy_in_parts(
                self._source,
                self._raw,
                source,
                attempt.raw_key,
                attempt.there,
                self._terms,
                self._cancelled,
                self._tags.of,
            )
        except UnfinishedUploadError as error:
            self._count(error.cause)
            why = why_failed(source, error.cause)
            attempt.fail(why.followed_by(str(error)))
        except (BotoCoreError, ClientError, StoreError) as error:
            self._parts_failed(attempt, error)
        else:
            self._denials.answered()
            self._judge.by_tag(attempt, etag)

    def _parts_failed(self, attempt: Attempt, error: BaseException) -> None:
        """Look again at raw if the last request was refused, at the source if an earlier one was.

        S3 requires a new upload if completing one conflicts with another write.
        """
        self._count(error)
        code, asked = code_of(error), getattr(error, "operation_name", "")
        if code in _CHANGES and asked == "CompleteMultipartUpload":
            self._looks.at_raw(attempt)
        elif code in _CHANGES:
            self._looks.at_source(attempt, NotFoundError(code, attempt.source.key))
        elif code == "ConditionalRequestConflict":
            self._try_later(attempt, StoreError(code, attempt.raw_key, transient=True))
        else:
            attempt.fail(why_failed(attempt.source, error))
