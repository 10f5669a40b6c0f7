"""Dagster as in use: a webserver, a daemon and a process per run."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import yaml

from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets_tests.deployment import shipped_instance

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180
END_SECONDS = 120
_LAUNCH = """
mutation ($assets: [AssetKeyInput!]!, $tags: [ExecutionTag!]!, $location: String!) {
  launchRun(executionParams: {
    mode: "default"
    selector: {repositoryName: "__repository__", repositoryLocationName: $location,
               pipelineName: "__ASSET_JOB", assetSelection: $assets}
    executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
_BACKFILL = """
mutation ($assets: [AssetKeyInput!]!, $partitions: [String!], $config: RunConfigData) {
  launchPartitionBackfill(backfillParams: {
    assetSelection: $assets, partitionNames: $partitions, runConfigData: $config
  }) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } }
}
"""
_BACKFILL_STATUS = """
query ($backfill: String!) {
  partitionBackfillOrError(backfillId: $backfill) { ... on PartitionBackfill { status } }
}
"""
_REEXECUTE = """
mutation ($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: FROM_FAILURE}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""
_TERMINATE = """
mutation ($run: String!) {
  terminateRun(runId: $run) { __typename ... on PythonError { message } }
}
"""
_STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
_LOCATIONS = "query { workspaceOrError { ... on Workspace { locationEntries { name } } } }"


class Webserver:
    """A client with the requests of a browser."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = process

    def kill_services(self, sparing: int = 0) -> None:
        """Kill -9 all that it, its daemon and its code server started, but one process."""
        assert self._process is not None
        family = psutil.Process(self._process.pid)
        for process in [family, *family.children(recursive=True)]:
            if process.pid != sparing:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self._process.wait()

    def kill_daemon(self) -> None:
        """Kill -9 the daemon; ``dagster dev`` notices, and ends itself and the webserver."""
        assert self._process is not None
        (daemon,) = (
            each
            for each in psutil.Process(self._process.pid).children()
            if "dagster._daemon" in each.cmdline()
        )
        daemon.kill()
        self._process.wait(END_SECONDS)

    def locations(self) -> list[str]:
        """The code locations that are loaded."""
        entries = self._ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        return [entry["name"] for entry in entries]

    def launch(self, assets: str, folders: int = 4) -> str:
        """Launch a run of these assets over the first folders and return its id."""
        first, last = FOLDER_NAMES[0], FOLDER_NAMES[folders - 1]
        of_range = "dagster/asset_partition_range"
        return self._launch(assets, {f"{of_range}_start": first, f"{of_range}_end": last})

    def launch_one(self, assets: str, folder: str) -> str:
        """Launch a run of these assets of one folder, as their dialog does; return its id."""
        return self._launch(assets, {"dagster/partition": folder})

    def _launch(self, assets: str, tags: Mapping[str, str]) -> str:
        (location,) = self.locations()
        told = self._ask(
            _LAUNCH,
            assets=_keys(assets),
            tags=[{"key": key, "value": value} for key, value in tags.items()],
            location=location,
        )["launchRun"]
        assert told["__typename"] == "LaunchRunSuccess", told
        return str(told["run"]["runId"])

    def reexecute(self, run: str) -> str:
        """Re-execute a run from failure and return the new run's id."""
        told = self._ask(_REEXECUTE, run=run)["launchRunReexecution"]
        assert told["__typename"] == "LaunchRunSuccess", told
        return str(told["run"]["runId"])

    def backfill(
        self, assets: str, partitions: Sequence[str], config: Mapping[str, Any] | None = None
    ) -> str:
        """Launch a backfill of these assets and return its id; ``config`` is that of its runs."""
        given = {"config": dict(config)} if config else {}
        told = self._ask(_BACKFILL, assets=_keys(assets), partitions=partitions, **given)
        told = told["launchPartitionBackfill"]
        assert told["__typename"] == "LaunchBackfillSuccess", told
        return str(told["backfillId"])

    def backfill_status(self, backfill: str) -> str:
        """A backfill's status, such as COMPLETED_SUCCESS."""
        told = self._ask(_BACKFILL_STATUS, backfill=backfill)
        return str(told["partitionBackfillOrError"]["status"])

    def terminate(self, run: str) -> None:
        """Cancel a run."""
        told = self._ask(_TERMINATE, run=run)["terminateRun"]
        assert told["__typename"] == "TerminateRunSuccess", told

    def status(self, run: str) -> str:
        """A run's status, such as CANCELED."""
        return str(self._ask(_STATUS, run=run)["runOrError"]["status"])

    def _ask(self, query: str, **variables: object) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.loads(answer.read())
        assert "errors" not in told, told
        return told["data"]


def _keys(assets: str) -> list[dict[str, list[str]]]:
    """The keys of assets, by their names, for GraphQL."""
    return [{"path": [asset]} for asset in assets.split()]


def wait_until(condition: Callable[[], object], seconds: float = END_SECONDS) -> None:
    """Wait for something to become true; requests without a response are repeated."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if condition():
                return
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(1)


def shipped_home(directory: Path, most_runs: int | None = None) -> Path:
    """A DAGSTER_HOME with the instance of a deployment that allows this number of runs."""
    config = shipped_instance()
    if most_runs is not None:
        config["concurrency"]["runs"]["max_concurrent_runs"] = most_runs
        config["concurrency"]["pools"]["default_limit"] = most_runs
    home = directory / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    return home


@contextmanager
def dagster_dev(log: Path, definitions: str = "checkout_assets.definitions") -> Iterator[Webserver]:
    """Webserver and daemon of the environment's DAGSTER_HOME, with the definitions of a module."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "dagster", "dev", "-m", definitions),
        *("-h", "127.0.0.1", "-p", str(port)),
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
        )
        try:
            server = Webserver(port, process)
            wait_until(server.locations, START_SECONDS)
            yield server
        finally:
            _end_group(process)


def kill_run(instance: dg.DagsterInstance, run: str) -> None:
    """Kill -9 the run's process."""
    os.kill(run_pid(instance, run), signal.SIGKILL)


def run_pid(instance: dg.DagsterInstance, run: str) -> int:
    """The run's process, as its own first event tells it."""
    for entry in instance.all_logs(run):
        event = entry.dagster_event
        if event is not None and "Started process for run" in (event.message or ""):
            return int((event.message or "").rpartition("pid: ")[2].rstrip(")."))
    raise AssertionError("the run never told its process")


def free_port() -> int:
    """A port on which no process listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Its whole group ends with the test: Dagster's children have been seen to stay."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
