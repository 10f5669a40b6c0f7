"""One sending of a request on one connection, and what has come of it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from spark_jobs.transport.answers import Headers

if TYPE_CHECKING:
    from awscrt.http import HttpRequest


class Exchange:
    """A request and what has come of it.

    ``make`` makes the request, signed as of now, when its turn has come. ``on_end`` is called once
    with the exchange and the exception if it failed, whatever happens. Both may be called on
    awscrt's thread: they must be quick. ``headers`` stay empty unless they are wanted, for they
    cost a tenth of all.
    """

    __slots__ = (
        "begun", "chunks", "connection", "headers", "heard", "hung_up", "make", "on_end", "resent",
        "silent", "status", "wants_headers",
    )  # fmt: skip

    def __init__(
        self,
        make: Callable[[], HttpRequest],
        on_end: Callable[[Exchange, Optional[BaseException]], None],
        wants_headers: bool,
    ) -> None:
        self.make = make
        self.on_end = on_end
        self.wants_headers = wants_headers
        self.connection: Any = None
        self.begun = self.heard = 0.0
        self.resent = self.silent = self.hung_up = False
        self.begin()

    def begin(self) -> None:
        """Forget whatever came before."""
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
        answered = self.status or self.chunks or self.silent
        return not (answered or self.resent or self.hung_up)
