"""The process of the embedded S3 server: ministack, ended by its parent's end.

Run as a module by ``s3_server``. It stops when its standard input closes, which happens however
the parent ends, so it is never left running. ministack keeps objects in memory; a snapshot file
lets a later server go on with exactly the same keys, tags and times.
"""

import asyncio
import logging
import pickle
import signal
import sys
import threading
from pathlib import Path


def main() -> None:
    """Serve until standard input closes: arguments are the port and, or not, a snapshot file."""
    port = int(sys.argv[1])
    snapshot = Path(sys.argv[2]) if sys.argv[2:] else None
    from ministack.app import app

    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    if snapshot is not None:
        _load(snapshot)
    asyncio.run(_serve(app, port))
    if snapshot is not None:
        _save(snapshot)


async def _serve(app: object, port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.accesslog = None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    threading.Thread(target=_stop_at_end_of_input, args=(loop, stop), daemon=True).start()
    await serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(stop.set)


def _load(snapshot: Path) -> None:
    """Only files that this module wrote are read, from a directory the demo made."""
    from ministack.services import s3

    if snapshot.exists():
        s3._buckets._data.update(pickle.loads(snapshot.read_bytes()))


def _save(snapshot: Path) -> None:
    from ministack.services import s3

    unfinished = snapshot.with_suffix(".tmp")
    unfinished.write_bytes(pickle.dumps(s3._buckets._data))
    unfinished.replace(snapshot)


if __name__ == "__main__":
    main()
