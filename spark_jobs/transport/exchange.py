"""One attempt of a request: its states and its response."""

from __future__ import annotations

from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from spark_jobs.transport.answers import Headers

if TYPE_CHECKING:
    from awscrt.http import HttpRequest


class ExchangeState(Enum):
    """The state of an exchange; only its ledger changes it."""

    WAITING = "waiting"
    """It waits for a connection."""
    SIGNING = "signing"
    """It has a connection, and its request is built and signed; then it is sent or ended."""
    SENT = "sent"
    """It waits for the response. If S3 cannot have read the request, it goes back to WAITING."""
    ENDED = "ended"
    """Its end has been reported, or is about to be; this state is final."""


class Exchange:
    """A request and its response so far.

    ``make`` builds and signs the request when the exchange has a connection. ``on_end`` is always
    called exactly once, with the exchange, and the exception if it failed. Both may be called on
    awscrt's thread and must be quick. ``headers`` stay empty unless ``wants_headers``, because
    they take a tenth of a request's CPU. ``asked`` is the monotonic time of the request's start,
    all attempts included.
    """

    __slots__ = (
        "asked", "begun", "chunks", "connection", "headers", "heard", "make", "on_end", "resent",
        "state", "status", "wants_headers",
    )  # fmt: skip

    def __init__(
        self,
        make: Callable[[], HttpRequest],
        on_end: Callable[[Exchange, Optional[BaseException]], None],
        wants_headers: bool,
        asked: float,
    ) -> None:
        self.make = make
        self.on_end = on_end
        self.wants_headers = wants_headers
        self.asked = asked
        self.connection: Any = None
        self.begun = self.heard = 0.0
        self.resent = False
        self.state = ExchangeState.WAITING
        self.status = 0
        self.headers: Headers = ()
        self.chunks: List[bytes] = []

    def on_response(self, status_code: int, headers: Headers, **_: object) -> None:
        """Take the status and headers of the response."""
        self.status = status_code
        self.headers = headers
        self.heard = monotonic()

    def on_body(self, chunk: bytes, **_: object) -> None:
        """Take a piece of the response's body."""
        self.chunks.append(bytes(chunk))
        self.heard = monotonic()

    def may_be_resent(self) -> bool:
        """Whether S3 has not read the request, so that sending it again is not a new attempt.

        S3 may close an idle connection at any time; a request sent at that moment is not read.
        """
        return not (self.status or self.chunks or self.resent)
