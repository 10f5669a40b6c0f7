"""The directory of a demo, and the environment of its processes."""

import json
import shutil
import socket
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.deploying.files import EVENT_BATCH
from checkout_assets.sample.source import FIRST_MONTH
from spark_jobs.contract.keys import REPORTS

SOURCE_URI = "s3://checkout-versions-demo"
RAW_URI = "s3://analytics-import-demo/raw"
BUCKETS = ("checkout-versions-demo", "analytics-import-demo")
DEMO_DIRECTORY = Path(".demo")
"""The default directory of a demo."""
DEMO_DOCUMENTS = 5_000
"""The default number of documents in a demo, approximately."""
_USUAL_RUNBOOK_PORT = 3001
_MEGA = 1000**2
_ROOM_FOR_RUNS = 60 * _MEGA
"""Bytes for Dagster's databases and logs: 48 MB were measured for 5,000 documents."""

_ROOM_FOR_A_DOCUMENT = 70 * 1000
"""Bytes for its object at the source, its copy and its row: 67 kB were measured."""

_MARK = "this-is-a-checkout-assets-demo"


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """The directory of a demo; ``make clean`` and the next demo remove it."""

    root: Path

    @property
    def s3_snapshot(self) -> Path:
        """The S3 server's content when it was stopped, for the UI to continue with."""
        return self.root / "s3.snapshot"

    @property
    def lake(self) -> Path:
        """Tables, quarantine and records."""
        return self.root / "lake"

    @property
    def reports(self) -> Path:
        """The reports of the reconciliations."""
        return self.lake / REPORTS

    @property
    def dagster_home(self) -> Path:
        """The Dagster instance."""
        return self.root / "dagster"

    @property
    def s3_log(self) -> Path:
        """The S3 server's log."""
        return self.root / "s3.log"

    @property
    def runbook_port(self) -> int:
        """The port of runbook and reports in ``make ui``; fixed, because Dagster links there."""
        return int(self._runbook_port_file.read_text())

    @property
    def _runbook_port_file(self) -> Path:
        return self.root / "runbook_port"

    @property
    def exists(self) -> bool:
        """Whether there is a demo in the directory."""
        return (self.root / _MARK).exists()

    def prepare(self, documents: int = 0, database: str = "") -> None:
        """Create the directory again, for a demo of ``documents`` documents.

        Dagster stores runs and events in files there, or in the PostgreSQL with the URL
        ``database``, which a file for this user alone keeps for the UI. Raises UsageError if the
        directory contains something else, or if its disk has too little free space.
        """
        if self.root.exists() and not self.exists and any(self.root.iterdir()):
            raise UsageError(
                f"{self.root} contains something other than a demo: choose another --directory."
            )
        shutil.rmtree(self.root, ignore_errors=True)
        for directory in (self.lake, self.dagster_home):
            directory.mkdir(parents=True)
        check_room(self.root, documents)
        self._runbook_port_file.write_text(str(_free_port(_USUAL_RUNBOOK_PORT)))
        (self.root / _MARK).touch()
        config = self.dagster_home / "dagster.yaml"
        config.touch(mode=0o600)
        config.write_text(instance_config(self.dagster_home, database))

    def environment(self) -> dict[str, str]:
        """The environment variables that configure the platform for this demo."""
        return {
            "DAGSTER_HOME": str(self.dagster_home),
            **EVENT_BATCH,
            "CHECKOUT_SOURCE_URI": SOURCE_URI,
            "CHECKOUT_RAW_URI": RAW_URI,
            "CHECKOUT_LAKE_URI": str(self.lake),
            "CHECKOUT_FIRST_MONTH": FIRST_MONTH,
            "CHECKOUT_KEEP_SPARK_SESSION": "true",
            "CHECKOUT_REPORTS_URL": f"http://127.0.0.1:{self.runbook_port}/reports",
            "CHECKOUT_RUNBOOK_URL": f"http://127.0.0.1:{self.runbook_port}/runbook.html",
        }


def instance_config(home: Path, database: str) -> str:
    """The instance's dagster.yaml; values are written as JSON, which YAML can read."""
    storage = _template("postgresql" if database else "sqlite")
    for name, value in (("base_dir", str(home)), ("database", database)):
        storage = storage.replace(f"{{{name}}}", json.dumps(value))
    return _template("dagster").replace("{storage}", storage)


def _template(name: str) -> str:
    return resources.files("checkout_assets.demo").joinpath(f"{name}.yaml").read_text()


def _free_port(usual: int) -> int:
    """The usual port, or any other if it is in use."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UsageError("No port of this machine is free for the runbook.")


def check_room(directory: Path, documents: int) -> None:
    """Raise UsageError if there is too little free space for a demo of ``documents`` documents.

    The directory must exist.
    """
    needed = _ROOM_FOR_RUNS + documents * _ROOM_FOR_A_DOCUMENT
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise UsageError(
            f"The demo needs about {needed // _MEGA:,} MB in {displayable(str(directory))}, "
            f"and {free // _MEGA:,} MB are free there: make room, or choose another "
            "--directory."
        )
