"""An S3 stub in memory, as a separate process: ``python -m benchmarks.copy.stub``.

It serves a full source of numbered objects and an empty raw bucket over HTTP/1.1 with keep-alive,
with configurable latency and faults. It must be much faster than the clients that it measures: it
parses HTTP by hand and only as far as needed.
"""

import argparse
import asyncio
import gc
import random
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from benchmarks.copy.bucket import Bucket
from benchmarks.copy.keyspace import KeySpace
from benchmarks.copy.service import ERROR_IN_200, SLOW_DOWN, Request, Service, rendered

SOURCE, SOURCE_PREFIX = "source", "root"
RAW, RAW_PREFIX = "imported", "raw"
CONTROL = "/-/"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_BACKLOG = 4096


@dataclass(slots=True)
class Behaviour:
    """Seconds per response, and the shares of requests that fail, by kind of failure."""

    latency: float = 0.0
    slow_down: float = 0.0
    error_in_200: float = 0.0
    reset: float = 0.0

    @property
    def has_faults(self) -> bool:
        """Whether any request may fail."""
        return bool(self.slow_down or self.error_in_200 or self.reset)


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, service: Service, behaviour: Behaviour, chance: random.Random) -> None:
        self._service = service
        self._behaviour = behaviour
        self._chance = chance
        self._received = b""
        self._told_to_go_on = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for responses."""
        self._transport = transport  # type: ignore[assignment] # a stream's is a Transport
        self._service.asked["connections"] += 1

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        received = self._received + data if self._received else data
        while (end := received.find(b"\r\n\r\n")) >= 0:
            head = received[: end + 2]
            lowered = head.lower()
            whole = end + 4 + _content_length(lowered)
            if len(received) < whole:
                self._go_on(lowered)
                break
            self._told_to_go_on = False
            self._handle(Request(head, lowered, received[end + 4 : whole]))
            received = received[whole:]
        self._received = received

    def _go_on(self, lowered: bytes) -> None:
        if not self._told_to_go_on and b"\r\nexpect: 100-continue" in lowered:
            self._transport.write(_CONTINUE)
            self._told_to_go_on = True

    def _handle(self, request: Request) -> None:
        behaviour = self._behaviour
        if request.bucket == b"-":
            self._transport.write(self._control(request))
        elif behaviour.latency:
            loop = asyncio.get_running_loop()
            loop.call_later(behaviour.latency, self._answer, request)
        else:
            self._answer(request)

    def _answer(self, request: Request) -> None:
        if self._transport.is_closing():
            return
        if self._behaviour.has_faults and self._fail(request):
            return
        self._transport.write(self._service.answer(request))

    def _fail(self, request: Request) -> bool:
        """Fail the request at random; returns whether it failed."""
        behaviour, drawn = self._behaviour, self._chance.random()
        if drawn < behaviour.slow_down:
            self._service.asked["slowed down"] += 1
            self._transport.write(SLOW_DOWN)
            return True
        drawn -= behaviour.slow_down
        if drawn < behaviour.reset:
            self._service.asked["reset"] += 1
            self._transport.abort()
            return True
        drawn -= behaviour.reset
        if drawn < behaviour.error_in_200 and request.header(b"x-amz-copy-source") is not None:
            self._service.asked["error in 200"] += 1
            self._transport.write(ERROR_IN_200)
            return True
        return False

    def _control(self, request: Request) -> bytes:
        """``state``, ``clear``, ``fill``, ``drop?every=3``, ``behave?latency=0.06&reset=0.1``."""
        raw = self._service.buckets[RAW.encode()]
        if request.key == b"clear":
            raw.clear()
            self._service.asked.clear()
        elif request.key == b"fill":
            raw.fill()
        elif request.key == b"drop":
            raw.drop(int(request.query["every"]))
        elif request.key == b"behave":
            for name, value in request.query.items():
                setattr(self._behaviour, name, float(value))
        elif request.key == b"state":
            return self._service.state()
        return rendered(200)


def _content_length(lowered: bytes) -> int:
    at = lowered.find(_LENGTH)
    if at < 0:
        return 0
    first = at + len(_LENGTH)
    return int(lowered[first : lowered.find(b"\r\n", first)])


async def _serve(service: Service, behaviour: Behaviour, port: int) -> None:
    loop = asyncio.get_running_loop()
    chance = random.Random(0)
    server = await loop.create_server(
        lambda: Connection(service, behaviour, chance), "127.0.0.1", port, backlog=_BACKLOG
    )
    gc.freeze()
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    # Ends with the pipe, so that it never outlives the benchmark.
    await loop.run_in_executor(None, sys.stdin.read)


def run_fast(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


def main() -> None:
    """Serve until standard input ends; prints the port first."""
    parser = argparse.ArgumentParser(description="An S3 in memory, to measure clients with.")
    parser.add_argument("--objects", type=int, default=20_000, help="in each folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds each answer takes")
    parser.add_argument("--slow-down", type=float, default=0.0, help="share answered with 503")
    parser.add_argument("--error-in-200", type=float, default=0.0, help="share of copies")
    parser.add_argument("--reset", type=float, default=0.0, help="share of connections cut")
    parser.add_argument("folders", nargs="*", default=["0A_CheckoutOrder"])
    asked = parser.parse_args()
    space = KeySpace(asked.folders, asked.objects)
    buckets = {
        SOURCE.encode(): Bucket(space, f"{SOURCE_PREFIX}/".encode(), full=True),
        RAW.encode(): Bucket(space, f"{RAW_PREFIX}/".encode(), full=False),
    }
    behaviour = Behaviour(asked.latency, asked.slow_down, asked.error_in_200, asked.reset)
    run_fast(_serve(Service(buckets), behaviour, asked.port))


if __name__ == "__main__":
    main()
