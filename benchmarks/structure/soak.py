"""One folder of very many documents: ``make soak-structure``; the driver's memory must not grow.

The stub generates bodies from the keys. Memory is the peak resident size (VmHWM) of the driver's
Python, of Java, and of the largest Python worker.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.processes import ControlGroup
from benchmarks.structure.place import FOLDER, RAW_URI, served

RESULTS = Path(__file__).parents[1] / "results" / "structure_soak.json"
_KIB_PER_MB = 1024
_DAYS = 1500
_GROWTH = 1.25
"""The allowed ratio of the driver's memory at the largest count to the smallest."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """A run over one folder: its peaks in MB."""

    documents: int
    files: int
    seconds: float
    cpu_seconds: float
    driver_mb: int
    java_mb: int
    worker_mb: int


def soak(documents: int) -> Soaked:
    """Structure a folder of ``documents`` documents; raises RuntimeError if rows are missing."""
    lake = Path(tempfile.mkdtemp(prefix="soak-lake-"))
    group = ControlGroup()
    started = time.monotonic()
    try:
        with served(documents, _DAYS, "short") as environment:
            command = [sys.executable, "-m", "checkout_assets.cli.main", "structure"]
            process = subprocess.Popen(
                [
                    *group.entering(),
                    *command,
                    "--raw",
                    RAW_URI,
                    "--lake",
                    str(lake),
                    FOLDER,
                    "--json",
                ],
                env={**os.environ, **environment, "CHECKOUT_SPARK_MASTER": "local[2]"},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            peaks = _watch(process, group)
            assert process.stdout is not None
            told = process.stdout.read()
        if process.returncode:
            raise RuntimeError(f"structuring {documents:,} documents failed: {told[-2000:]}")
        (folder,) = json.loads(told)["folders"]
        if folder["totals"]["rows"] != documents:
            raise RuntimeError(f"{folder['totals']['rows']:,} rows of {documents:,} documents")
        return Soaked(
            documents,
            folder["files"],
            round(time.monotonic() - started, 1),
            round(group.cpu_seconds(), 1),
            peaks.get(f"{process.pid}", 0),
            peaks.get("java", 0),
            peaks.get("python", 0),
        )
    finally:
        group.remove()
        shutil.rmtree(lake)


def _watch(process: "subprocess.Popen[str]", group: ControlGroup) -> dict[str, int]:
    """Peaks in MB, by program; the driver's by its process id. Ends with the process."""
    peaks: dict[str, int] = {}
    while process.poll() is None:
        for pid in group.members():
            name, peak = _peak(pid)
            key = str(pid) if pid == process.pid else name
            peaks[key] = max(peaks.get(key, 0), peak)
        time.sleep(0.5)
    return peaks


def _peak(pid: int) -> tuple[str, int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return "", 0
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    name = "java" if status["Name"] == "java" else "python"
    return name, int(status.get("VmHWM", "0 kB").split()[0]) // _KIB_PER_MB


def main() -> int:
    """Run all counts, print and write the results; 1 if the driver's memory grew."""
    parser = argparse.ArgumentParser(description="A folder of a million documents.")
    parser.add_argument("counts", nargs="*", type=int, default=[100_000, 1_000_000])
    console = Console()
    runs = []
    for count in parser.parse_args().counts:
        console.print(f"{count:,} documents")
        runs.append(soak(count))
    table = Table("documents", "files", "wall s", "CPU s", "driver MB", "Java MB", "worker MB")
    for run in runs:
        table.add_row(*(f"{value:,}" for value in asdict(run).values()))
    console.print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
    smallest, largest = runs[0].driver_mb, max(run.driver_mb for run in runs)
    console.print(f"driver: {largest / smallest:.2f} times, at most {_GROWTH}")
    return 0 if largest <= _GROWTH * smallest else 1


if __name__ == "__main__":
    sys.exit(main())
