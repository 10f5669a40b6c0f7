"""A request with all its attempts, from its start to its end."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from time import monotonic
from typing import TYPE_CHECKING, Callable, List, Optional, Tuple

from spark_jobs.refusals import LENGTH_MISSING
from spark_jobs.service_codes import EXPIRED
from spark_jobs.store_errors import StoreError
from spark_jobs.transport.answers import (
    HungUpError,
    Response,
    broken,
    refusal,
    tells_length,
    without_credentials,
)
from spark_jobs.transport.connections import Connections
from spark_jobs.transport.exchange import Exchange
from spark_jobs.transport.later import Later
from spark_jobs.transport.signing import Reading, Signing

if TYPE_CHECKING:
    from awscrt.http import HttpRequest

_LONGEST_SIGNING_SECONDS = 5.0
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_REDIRECTED = 300
LONGEST_TRYING_SECONDS = 300.0
"""A request is not retried after this time: each attempt may take two minutes of silence."""

OnEnd = Callable[[Response, Optional[StoreError]], None]

Parts = Tuple[str, str, List[Tuple[str, str]], bytes]
"""Method, target, headers and body."""


def sign(reading: Reading, parts: Parts) -> HttpRequest:
    """The request, signed with the current time; raises any error of awscrt."""
    from awscrt.auth import aws_sign_request
    from awscrt.http import HttpHeaders, HttpRequest

    method, target, headers, body = parts
    request = HttpRequest(method, target, HttpHeaders(headers), BytesIO(body) if body else None)
    # With known credentials the request is signed when the call returns.
    signed: HttpRequest = aws_sign_request(request, reading.config).result(_LONGEST_SIGNING_SECONDS)
    return signed


@dataclass
class Trying:
    """How a client attempts its requests: how often, and with which credentials.

    ``hung_up`` is the monotonic time of the last hang-up: all requests made before it have ended.
    """

    tries: int
    later: Later
    signing: Signing
    hung_up: float = -math.inf


class Call:
    """A request with all its attempts; ``on_end`` is called exactly once."""

    __slots__ = ("_asked", "_number", "_on_end", "_parts", "_place", "_pool", "_reading", "_trying")

    def __init__(
        self, trying: Trying, pool: Connections, parts: Parts, place: str, on_end: OnEnd
    ) -> None:
        self._trying = trying
        self._pool = pool
        self._parts = parts
        self._place = place
        self._on_end = on_end
        self._reading: Optional[Reading] = None
        self._number = 0
        self._asked = monotonic()

    def send(self) -> None:
        """Make an attempt, the first or a further one."""
        self._number += 1
        if self._trying.signing.ready:
            self._exchange(None)
        else:
            self._trying.signing.look(self._exchange)

    def _exchange(self, error: Optional[BaseException]) -> None:
        if error is not None:
            self._end_or_repeat(without_credentials(error, self._place))
        else:
            wants_headers = self._parts[0] != "PUT"
            self._pool.send(Exchange(self._signed, self._ended, wants_headers, self._asked))

    def _signed(self) -> HttpRequest:
        self._reading = self._trying.signing.current()
        return sign(self._reading, self._parts)

    def _ended(self, exchange: Exchange, error: Optional[BaseException]) -> None:
        body = b"".join(exchange.chunks)
        if error is not None:
            self._failed(broken(error, self._place))
        elif exchange.status >= _REDIRECTED or (self._parts[0] == "PUT" and b"<Error" in body):
            self._failed(refusal(exchange.status, body, self._place))
        elif not body and self._parts[0] == "GET" and not tells_length(exchange.headers):
            self._failed(StoreError(LENGTH_MISSING, self._place))
        else:
            taken = monotonic() - exchange.begun
            self._on_end(Response(exchange.status, exchange.headers, body, taken), None)

    def _failed(self, error: StoreError) -> None:
        if error.code in EXPIRED and self._reading is not None:
            self._trying.signing.look(partial(self._looked, error), self._reading)
        else:
            self._end_or_repeat(error)

    def _looked(self, error: StoreError, _: Optional[BaseException]) -> None:
        """Continue after S3 called the credentials expired and they have been read again."""
        if not self._trying.signing.confirms(self._reading):
            error = StoreError(error.code, self._place, transient=True)
        self._end_or_repeat(error)

    def _end_or_repeat(self, error: StoreError) -> None:
        trying = self._trying
        if self._asked <= trying.hung_up:
            self._hang_up()
        elif error.transient and self._number < trying.tries and self._is_in_time():
            longest = min(_LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * 2**self._number)
            trying.later.call(random.uniform(0, longest), self._again)
        else:
            self._on_end(Response(), error)

    def _again(self) -> None:
        if self._asked <= self._trying.hung_up:
            self._hang_up()
        else:
            self.send()

    def _hang_up(self) -> None:
        self._on_end(Response(), StoreError(HungUpError.name, self._place))

    def _is_in_time(self) -> bool:
        return monotonic() - self._asked < LONGEST_TRYING_SECONDS
