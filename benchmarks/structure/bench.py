"""Structuring compared with other tools: ``make bench-structure``.

Ours fetches every document over HTTP from the stub, conforms it, writes and publishes; the start of
Python, Java and Spark is included. CPU seconds are those of the whole process tree. The peers read
the clean documents from one file on disk. All alternate in one run.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.processes import CannotCountError, Measured, run_counted
from benchmarks.structure.orders import Orders
from benchmarks.structure.place import RAW_URI, served
from benchmarks.targets import Target, report_targets, target_documents

RESULTS = Path(__file__).parents[1] / "results" / "structure.json"
_FIRST, _LAST = "0A_CheckoutOrder", "{:02X}_CheckoutOrder"
_PEERS = ("duckdb", "polars", "floor")


@dataclass(frozen=True, slots=True)
class Case:
    """A set of documents that ours structures."""

    name: str
    documents: int
    days: int = 120
    kind: str = "dirty"
    delay: float = 0.0
    folders: int = 1


@dataclass(frozen=True, slots=True)
class Ours:
    """One run of ours."""

    cpu_seconds: float
    seconds: float
    files: int
    file_bytes: int


MAIN = Case("20,000 documents, 8 % dirt, 120 days", 20_000)
SLOW = Case("the same, 40 ms added to every GET", 20_000, delay=0.04)
LARGE = Case("60,000 documents, 8 % dirt, 120 days", 60_000)
DRIFTED = Case("20,000 drifted documents, 120 days", 20_000, kind="drifted")
SMALL = Case("16 folders of 20 documents", 20, days=19, folders=16)
DAYS = tuple(Case(f"6,000 documents, {days:,} days", 6_000, days) for days in (40, 400, 1500))


def run_ours(case: Case) -> Ours:
    """Structure the case's folders once; raises RuntimeError unless every row is published."""
    lake = Path(tempfile.mkdtemp(prefix="bench-lake-"))
    last = _LAST.format(9 + case.folders)
    try:
        with served(case.documents, case.days, case.kind, case.delay, case.folders) as environment:
            asked = ["--raw", RAW_URI, "--lake", str(lake), f"{_FIRST}..{last}", "--json"]
            told = run_counted(
                [sys.executable, "-m", "checkout_assets.cli.main", "structure", *asked],
                {**environment, "CHECKOUT_SPARK_MASTER": "local[2]"},
            )
        _check(case, told)
        sizes = [file.stat().st_size for file in lake.rglob("consumable_tables/**/*.parquet")]
        return Ours(told.cpu_seconds, told.seconds, len(sizes), sum(sizes))
    finally:
        shutil.rmtree(lake)


def _check(case: Case, told: Measured) -> None:
    document = json.loads(told.output[told.output.index("{\n") :]) if not told.code else {}
    totals = [folder["totals"] for folder in document.get("folders", [])]
    expected = case.documents * case.folders
    if told.code or sum(total["documents"] for total in totals) != expected:
        raise RuntimeError(f"{case.name}: not all was structured.\n{told.output[-2000:]}")


def run_peer(name: str, orders: Path) -> Measured:
    """One run of a peer; raises RuntimeError if it failed."""
    out = Path(tempfile.mkdtemp(prefix="bench-peer-"))
    try:
        told = run_counted(
            [sys.executable, "-m", "benchmarks.structure.peers", name, str(orders), str(out / "t")]
        )
    finally:
        shutil.rmtree(out)
    if told.code:
        raise RuntimeError(f"{name} failed.\n{told.output[-2000:]}")
    return told


def _rounds(console: Console, rounds: int) -> Iterator[tuple[str, Ours | Measured]]:
    with tempfile.TemporaryDirectory(prefix="bench-orders-") as directory:
        orders = Path(directory) / "orders.ndjson"
        made = Orders.made(MAIN.documents, MAIN.days, "clean")
        with orders.open("wb") as file:
            file.writelines(made.body(number) + b"\n" for number in range(made.count))
        cases = (MAIN, SLOW, DRIFTED, SMALL)
        work: dict[str, Callable[[], Ours | Measured]] = {}
        for case in cases:
            work[case.name] = lambda case=case: run_ours(case)  # type: ignore[misc]
        for peer in _PEERS:
            work[peer] = lambda peer=peer: run_peer(peer, orders)  # type: ignore[misc]
        for number in range(rounds):
            for name, run in work.items():
                console.print(f"round {number + 1} of {rounds}: {name}")
                yield name, run()
        for case in (LARGE, *DAYS):
            console.print(case.name)
            yield case.name, run_ours(case)


def _table(medians: dict[str, tuple[float, float]]) -> Table:
    table = Table("what", "CPU s", "wall s", "documents per CPU s", "documents per s")
    counts = {case.name: case.documents * case.folders for case in _cases()}
    for name, (cpu, wall) in medians.items():
        count = counts.get(name, MAIN.documents)
        table.add_row(
            name, f"{cpu:.1f}", f"{wall:.1f}", f"{count / cpu:,.0f}", f"{count / wall:,.0f}"
        )
    return table


def _cases() -> tuple[Case, ...]:
    return (MAIN, SLOW, DRIFTED, SMALL, LARGE, *DAYS)


def _days_table(runs: dict[str, list[Ours]]) -> Table:
    table = Table("spread", "files", "CPU s", "bytes a file", "CPU ms a further file")
    first = runs[DAYS[0].name][0]
    for case in DAYS:
        run = runs[case.name][0]
        more = run.files - first.files
        each = f"{(run.cpu_seconds - first.cpu_seconds) / more * 1000:.0f}" if more else ""
        table.add_row(
            case.name, f"{run.files:,}", f"{run.cpu_seconds:.1f}",
            f"{run.file_bytes // run.files:,}", each,
        )  # fmt: skip
    return table


def _targets(medians: dict[str, tuple[float, float]]) -> list[Target]:
    cpu = {name: figures[0] for name, figures in medians.items()}
    return [
        Target("documents per CPU second", MAIN.documents / cpu[MAIN.name], 600, at_least=True),
        Target("the same, drifted", DRIFTED.documents / cpu[DRIFTED.name], 350, at_least=True),
        Target("CPU seconds of 16 folders of 20", cpu[SMALL.name], 25),
        Target(
            "throughput with 40 ms per GET",
            medians[MAIN.name][1] / medians[SLOW.name][1],
            0.7,
            at_least=True,
        ),
    ]


def main() -> int:
    """Run, print and write the results; 1 if a target is missed, 2 if CPU cannot be counted."""
    parser = argparse.ArgumentParser(description="Structuring, measured beside its peers.")
    parser.add_argument("--rounds", type=int, default=3)
    console = Console()
    runs: dict[str, list[Ours | Measured]] = defaultdict(list)
    try:
        for name, run in _rounds(console, parser.parse_args().rounds):
            runs[name].append(run)
    except CannotCountError as error:
        console.print(str(error))
        return 2
    medians = {
        name: (
            statistics.median(run.cpu_seconds for run in found),
            statistics.median(run.seconds for run in found),
        )
        for name, found in runs.items()
    }
    ours = {name: [run for run in found if isinstance(run, Ours)] for name, found in runs.items()}
    targets = _targets(medians)
    console.print(_table(medians))
    console.print(_days_table(ours))
    _write(medians, ours, targets)
    return report_targets(console, targets)


def _write(
    medians: dict[str, tuple[float, float]], ours: dict[str, list[Ours]], targets: list[Target]
) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    told = {
        "medians": {name: {"cpu_s": cpu, "wall_s": wall} for name, (cpu, wall) in medians.items()},
        "ours": {name: [asdict(run) for run in found] for name, found in ours.items() if found},
        "targets": target_documents(targets),
    }
    RESULTS.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
