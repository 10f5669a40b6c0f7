"""Measures how many requests the stub serves, with a driver that needs almost no CPU.

Every connection sends its prepared request again as soon as the response has arrived, as the
clients do; responses are not parsed, only counted by their known length.
"""

import argparse
import asyncio
import sys
import time

from benchmarks.copy.keyspace import KeySpace
from benchmarks.copy.place import FOLDER
from benchmarks.copy.stub import RAW, RAW_PREFIX, SOURCE, SOURCE_PREFIX, run_fast

_SIGNATURE = "0" * 500
"""Stands for the signature of a request, so that the stub receives as many bytes."""


class Driver(asyncio.Protocol):
    """One connection that copies objects endlessly, with ``depth`` concurrent requests."""

    def __init__(self, request: bytes, depth: int) -> None:
        self._request = request
        self._depth = depth
        self._length = 0
        self._received = 0
        self.answered = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first requests."""
        self._transport = transport  # type: ignore[assignment] # a stream's is a Transport
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count responses, which all have the first one's length, and send as many requests."""
        if not self._length:
            if b" 200 OK" not in data[:20] or not data.endswith(b"</CopyObjectResult>"):
                self._transport.close()  # this connection is not counted
                return
            self._length = len(data)
            self._transport.write(self._request * (self._depth - 1))
        self._received += len(data)
        answered, self._received = divmod(self._received, self._length)
        self.answered += answered
        self._transport.write(self._request * answered)


async def _drive(asked: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    space = KeySpace([FOLDER], asked.objects)
    drivers = []
    for number in range(asked.connections):
        request = _copy_request(space, number % len(space), asked.port)
        _, driver = await loop.create_connection(
            lambda request=request: Driver(request, asked.depth),  # type: ignore[misc]
            "127.0.0.1",
            asked.port,
        )
        drivers.append(driver)
    before, started = sum(driver.answered for driver in drivers), time.monotonic()
    await asyncio.sleep(asked.seconds)
    answered = sum(driver.answered for driver in drivers) - before
    sys.stdout.write(f"{answered / (time.monotonic() - started):.0f}\n")


def _copy_request(space: KeySpace, number: int, port: int) -> bytes:
    key, etag = space.key(number).decode(), space.etag(number).decode()
    return (
        f"PUT /{RAW}/{RAW_PREFIX}/{key} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"x-amz-copy-source: /{SOURCE}/{SOURCE_PREFIX}/{key}\r\n"
        f'x-amz-copy-source-if-match: "{etag}"\r\n'
        f"Authorization: {_SIGNATURE}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def main() -> None:
    """Drive the stub at a port and print the requests that it served per second."""
    parser = argparse.ArgumentParser(description="The stub's own rate.")
    parser.add_argument("port", type=int)
    parser.add_argument("objects", type=int, help="that the stub's source holds")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--depth", type=int, default=1, help="requests under way on each")
    parser.add_argument("--seconds", type=float, default=3.0)
    run_fast(_drive(parser.parse_args()))


if __name__ == "__main__":
    main()
