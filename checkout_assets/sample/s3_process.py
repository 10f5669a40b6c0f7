"""The process of the embedded S3 server: ministack, which ends with its parent.

``s3_server`` runs it as a module. It stops when its standard input closes, which happens in every
case when the parent ends. ministack keeps objects in memory; with a snapshot file a later server
continues with exactly the same keys, tags and times.
"""

import asyncio
import contextlib
import logging
import os
import pickle
import signal
import sys
import threading
from pathlib import Path


def main() -> None:
    """Serve until standard input closes; arguments: a bound socket's number, a snapshot file."""
    bound_socket = int(sys.argv[1])
    snapshot = Path(sys.argv[2]) if sys.argv[2:] else None
    from ministack.app import app

    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    if snapshot is not None:
        _load(snapshot)
    asyncio.run(_serve(app, bound_socket))
    if snapshot is not None:
        _save(snapshot)


async def _serve(app: object, bound_socket: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{bound_socket}"]
    config.keep_alive_timeout = 75
    config.accesslog = None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    threading.Thread(target=_stop_at_end_of_input, args=(loop, stop), daemon=True).start()
    await serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: its lock, held here after a SIGTERM, would abort the interpreter at its end.
    while os.read(0, 1024):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has already ended
        loop.call_soon_threadsafe(stop.set)


def _load(snapshot: Path) -> None:
    """Load a snapshot; only files that this module wrote are read, from the demo's directory."""
    from ministack.services import s3

    if snapshot.exists():
        with snapshot.open("rb") as file:
            s3._buckets._data.update(pickle.load(file))


def _save(snapshot: Path) -> None:
    from ministack.services import s3

    unfinished = snapshot.with_suffix(".tmp")
    with unfinished.open("wb") as file:
        pickle.dump(s3._buckets._data, file, protocol=pickle.HIGHEST_PROTOCOL)
    unfinished.replace(snapshot)


if __name__ == "__main__":
    main()
