"""One sending of a request: the states it goes through, and what has come of it."""

from __future__ import annotations

from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from spark_jobs.transport.answers import Headers

if TYPE_CHECKING:
    from awscrt.http import HttpRequest


class ExchangeState(Enum):
    """Where an exchange is; only its ledger moves it on."""

    WAITING = "waiting"
    """For a connection."""
    SIGNING = "signing"
    """It has one, and its request is made and signed: then it is sent, or it has ended."""
    SENT = "sent"
    """Its answer is awaited. If nobody can have read it, it waits once more."""
    ENDED = "ended"
    """Its end is told, or is about to be: nothing changes that any more."""


class Exchange:
    """A request and what has come of it.

    ``make`` makes the request, signed as of now, when its turn has come. ``on_end`` is called once
    with the exchange and the exception if it failed, whatever happens. Both may be called on
    awscrt's thread: they must be quick. ``headers`` stay empty unless they are wanted, for they
    cost a tenth of all. ``asked`` is the monotonic instant at which somebody first wanted it.
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
        """The head of the answer."""
        self.status = status_code
        self.headers = headers
        self.heard = monotonic()

    def on_body(self, chunk: bytes, **_: object) -> None:
        """A piece of the answer."""
        self.chunks.append(bytes(chunk))
        self.heard = monotonic()

    def may_be_resent(self) -> bool:
        """Whether S3 has not read the request, so that sending it again is not another try.

        S3 closes a connection when it likes; nobody has read what was sent meanwhile.
        """
        return not (self.status or self.chunks or self.resent)
