"""How requests are signed: with the credentials that botocore holds, read on a thread of its own.

A provider may be slow, hang or raise. awscrt's thread, on which all answers come, must not notice.
"""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic
from typing import Any, Callable, List, NamedTuple, Optional

from spark_jobs.transport.later import Later, report_fault

_SIGNED_ALIKE_SECONDS = 10.0
_LONGEST_LOOK_SECONDS = 60.0
"""How long a request waits for credentials: longer than botocore waits for an instance's."""

Then = Callable[[Optional[BaseException]], None]
"""Is called once the credentials have been read, with the exception if they could not be."""


class Reading(NamedTuple):
    """awscrt's signing configuration, and the credentials in it; every reading makes a new one."""

    config: Any
    credentials: object


class Signing:
    """The credentials to sign with, read every few seconds while the last reading stays in use.

    botocore refreshes credentials minutes before they expire, so that the known ones are still
    good. An awscrt provider, which is asked for each request, would cost a call into Python each
    time.
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
        """Call ``then`` once when the credentials have been read.

        On another thread; at once if they were read again since ``refused``, which S3 refuses.
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
        """Whether the last reading has brought the same credentials as that one."""
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
        """Read, until nobody is left who asked after the last reading had begun."""
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
        """The credentials of now, on the calling thread; raises whatever their provider raises."""
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
    """Only whoever takes the callback out of its ticket calls it."""
    try:
        then = ticket.pop()
    except IndexError:
        return
    try:
        then(error)
    except Exception as fault:  # costs this request only
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
        # S3 takes the path as it stands: API reference, "Create a signed AWS API request".
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_value=auth.AwsSignedBodyValue.UNSIGNED_PAYLOAD,
        signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
    )
