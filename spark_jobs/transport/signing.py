"""Signing of requests with botocore's credentials, which are read on a separate thread.

A provider may be slow, hang or raise; that must not block awscrt's thread, which handles all
responses.
"""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic
from typing import Any, Callable, List, NamedTuple, Optional

from spark_jobs.transport.later import Later, report_fault

_SIGNED_ALIKE_SECONDS = 10.0
_LONGEST_LOOK_SECONDS = 60.0
"""How long a request waits for credentials: longer than botocore waits for instance metadata."""

Then = Callable[[Optional[BaseException]], None]
"""Called once the credentials have been read, with the exception if that failed."""


class Reading(NamedTuple):
    """awscrt's signing configuration and its credentials; every reading creates a new one."""

    config: Any
    credentials: object


class Signing:
    """The credentials to sign with, read again every few seconds while the last ones are in use.

    botocore refreshes credentials minutes before they expire, so the last ones are still valid. An
    awscrt provider would cost a call into Python per request.
    """

    def __init__(self, region: str, credentials: Any, later: Later) -> None:
        self._region = region
        self._credentials = credentials
        self._later = later
        self._current: Optional[Reading] = None
        self._until = 0.0
        self._waiting: List[List[Then]] = []
        self._reading = False
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether there are credentials to sign with."""
        return self._current is not None

    def current(self) -> Reading:
        """The reading to sign with now; only if ``ready``."""
        if monotonic() > self._until:
            self._until = monotonic() + _SIGNED_ALIKE_SECONDS
            self._read()
        assert self._current is not None
        return self._current

    def look(self, then: Then, refused: Optional[Reading] = None) -> None:
        """Call ``then`` exactly once, on another thread, when the credentials have been read.

        If they have been read since ``refused``, a reading that S3 refused, it is called at once.
        """
        if refused is not None and refused is not self._current:
            then(None)
            return
        ticket = [then]
        with self._lock:
            self._waiting.append(ticket)
        self._later.call(_LONGEST_LOOK_SECONDS, partial(_answer, ticket, TimeoutError()))
        self._read()

    def confirms(self, reading: Optional[Reading]) -> bool:
        """Whether the last reading returned the same credentials as ``reading``."""
        now = self._current
        return now is not None and reading is not None and now.credentials == reading.credentials

    def _read(self) -> None:
        with self._lock:
            if self._reading:
                return
            self._reading = True
        try:
            threading.Thread(target=self._read_all, name="credentials", daemon=True).start()
        except RuntimeError as error:  # this machine starts no more threads
            self._later.call(0.0, partial(self._give_up, error))

    def _give_up(self, error: BaseException) -> None:
        with self._lock:
            asking, self._waiting = self._waiting, []
            self._reading = False
        for ticket in asking:
            _answer(ticket, error)

    def _read_all(self) -> None:
        """Read until no request is left that was made after the last reading began."""
        while True:
            with self._lock:
                asking, self._waiting = self._waiting, []
            error = self._read_once()
            for ticket in asking:
                _answer(ticket, error)
            with self._lock:
                if not self._waiting:
                    self._reading = False
                    return

    def read(self) -> Reading:
        """The current credentials, read on this thread; raises any error of their provider."""
        known = _frozen(self._credentials)
        return Reading(_signing_config(self._region, known), known)

    def _read_once(self) -> Optional[BaseException]:
        try:
            self._current = self.read()
        except Exception as error:
            return error
        self._until = monotonic() + _SIGNED_ALIKE_SECONDS
        return None


def _answer(ticket: List[Then], error: Optional[BaseException]) -> None:
    """Call the callback in the ticket, unless it has been taken out and called already."""
    try:
        then = ticket.pop()
    except IndexError:
        return
    try:
        then(error)
    except Exception as fault:  # must not affect other requests
        report_fault(fault)


def _frozen(credentials: Any) -> Any:
    from botocore.exceptions import NoCredentialsError

    if credentials is None:
        raise NoCredentialsError
    return credentials.get_frozen_credentials()


def _signing_config(region: str, known: Any) -> Any:
    from awscrt import auth

    return auth.AwsSigningConfig(
        credentials_provider=auth.AwsCredentialsProvider.new_static(
            known.access_key, known.secret_key, known.token
        ),
        region=region,
        service="s3",
        # S3 signs the path as sent: IAM user guide, "Create a signed AWS API request".
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_value=auth.AwsSignedBodyValue.UNSIGNED_PAYLOAD,
        signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
    )
