"""The Dagster UI with the demo's results: ``python -m checkout_assets.demo.ui``."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import checkout_assets
from checkout_assets.demo.place import DEMO_DIRECTORY, DemoPlace
from checkout_assets.demo.runbook_server import serve
from checkout_assets.domain.errors import UsageError
from checkout_assets.sample.s3_server import EmbeddedS3Server

_ROOT = Path(checkout_assets.__file__).resolve().parents[1]
DOCS, WORKSPACE = _ROOT / "docs", _ROOT / "workspace.yaml"
STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.2
_WRONG_USAGE = 2


def main() -> int:
    """Serve until Ctrl-C; arguments after the module go to ``dagster dev``."""
    place = DemoPlace(DEMO_DIRECTORY.absolute())
    try:
        if not place.exists:
            raise UsageError("There is no demo to look at yet: run make demo first.")
        return _serve(place, sys.argv[1:])
    except UsageError as error:
        sys.stderr.write(f"Error: {error}\n")
        return _WRONG_USAGE


def _serve(place: DemoPlace, arguments: list[str]) -> int:
    with (
        EmbeddedS3Server(snapshot=place.s3_snapshot, log=place.s3_log) as server,
        serve(DOCS, place.runbook_port, place.reports),
    ):
        environment = {
            **os.environ,
            **server.environment(),
            **place.environment(),
            "CHECKOUT_KEEP_SPARK_SESSION": "false",  # each run has a process of its own here
        }
        sys.stderr.write(_places(server, place))
        command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-w", str(WORKSPACE)]
        # In a separate session: Ctrl-C reaches only this process, which ends the whole group.
        dagster = subprocess.Popen([*command, *arguments], env=environment, start_new_session=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            # Polling: a signal that is delivered to another thread does not end a blocking wait.
            while (code := dagster.poll()) is None:
                time.sleep(_LOOK_SECONDS)
            return code
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(dagster)


def _places(server: EmbeddedS3Server, place: DemoPlace) -> str:
    """The variables with which the command line in another terminal uses the demo."""
    settings = {**server.environment(), **place.environment()}
    shown = [name for name in settings if name.startswith(("AWS_", "CHECKOUT_"))]
    lines = "".join(f"  export {name}={settings[name]}\n" for name in sorted(shown))
    return f"The demo's S3 server runs as long as this. In another terminal:\n{lines}"


def _stop(dagster: subprocess.Popen[bytes]) -> None:
    """Ask Dagster's processes to end, and kill them if they do not."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(dagster.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            dagster.wait(STOP_SECONDS)
        os.killpg(dagster.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
