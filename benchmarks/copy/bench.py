"""Copying compared with other tools: ``make bench-copy``.

All clients copy one folder from the stub's source to its raw bucket, alternating in one run. CPU
seconds are those of a client's whole process tree, from start to end, per 1000 objects; ours
include both listings, the manifest and the verification, which the peers do not do.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.copy.clients import (
    AWS_SYNC,
    OURS,
    RCLONE_COPY,
    RCLONE_SYNC,
    S5CMD_CP,
    S5CMD_SYNC,
    Client,
    find_program,
    run_client,
)
from benchmarks.copy.ours import Apart, measured_apart, table_apart
from benchmarks.copy.place import Stub, serving
from benchmarks.processes import CannotCountError
from benchmarks.targets import Target, report_targets, target_documents

RESULTS = Path(__file__).parents[1] / "results" / "copy.json"
FRESH, SLOW, AGAIN = "fresh copy", "fresh copy, 60 ms a request", "nothing to do"
_LATENCY = 0.06
_CONNECTIONS = {FRESH: 128, SLOW: 1024}
"""Connections of the load driver: as many as the fastest client has."""

_AIM = 0.22
"""Our goal for CPU seconds per 1000 objects; not yet a target."""


@dataclass(frozen=True, slots=True)
class Case:
    """A client in a scenario, with a number of objects that suits its speed."""

    scenario: str
    client: Client
    objects: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a case; ``lost`` counts objects that were not in raw when the client ended."""

    cpu_per_1000: float
    objects_per_second: float
    requests_per_second: float
    peak_mb: int
    connections: int
    code: int
    lost: int


def cases(objects: int, few: int, many: int) -> list[Case]:
    """All cases: ``objects`` per copy, ``few`` for slow peers, ``many`` with nothing to do."""
    return [
        *(Case(FRESH, client, objects) for client in (OURS, S5CMD_CP, RCLONE_COPY)),
        *(Case(FRESH, client, few) for client in (S5CMD_SYNC, AWS_SYNC, RCLONE_SYNC)),
        *(Case(SLOW, client, objects) for client in (OURS, S5CMD_CP)),
        *(Case(SLOW, client, few) for client in (S5CMD_SYNC, AWS_SYNC, RCLONE_COPY)),
        *(Case(AGAIN, client, many) for client in (OURS, S5CMD_SYNC, RCLONE_SYNC)),
        Case(AGAIN, AWS_SYNC, objects),
    ]


def run_case(case: Case, stub: Stub) -> Sample:
    """Run a case once; raises RuntimeError if ours did not copy everything."""
    stub.behave(latency=0)
    stub.clear()
    if case.scenario == AGAIN:
        stub.fill()
        if case.client is OURS:
            run_client(OURS, stub)  # leaves a manifest, as the copy before would have
    stub.behave(latency=_LATENCY if case.scenario == SLOW else 0)
    before = stub.asked()
    run = run_client(case.client, stub)
    asked = stub.asked() - before
    lost = case.objects - stub.arrived()
    if case.client is OURS and (lost or run.code):
        raise RuntimeError(f"Ours lost {lost:,} objects, exit {run.code}.\n{run.output[-2000:]}")
    connections = asked.pop("connections", 0)
    return Sample(
        cpu_per_1000=run.cpu_seconds * 1000 / case.objects,
        objects_per_second=case.objects / run.seconds,
        requests_per_second=asked.total() / run.seconds,
        peak_mb=run.peak_mb,
        connections=connections,
        code=run.code,
        lost=lost,
    )


def serving_rate(stub: Stub, scenario: str, seconds: float) -> int:
    """Copies per second that the stub serves to a driver that needs almost no CPU."""
    stub.behave(latency=_LATENCY if scenario == SLOW else 0)
    command = [sys.executable, "-m", "benchmarks.copy.load", str(stub.port), str(stub.objects)]
    asked = ["--connections", str(_CONNECTIONS[scenario]), "--seconds", str(seconds)]
    told = subprocess.run([*command, *asked], stdout=subprocess.PIPE, text=True, check=True)
    return int(told.stdout)


def median_of(samples: Sequence[Sample]) -> Sample:
    """The median of each figure, and the maximum of lost objects."""
    told = [asdict(sample) for sample in samples]
    middle = {name: statistics.median(each[name] for each in told) for name in told[0]}
    counts = {"peak_mb", "connections", "code"}
    figures = {name: int(v) if name in counts else v for name, v in middle.items()}
    return Sample(**{**figures, "lost": max(sample.lost for sample in samples)})


def targets(medians: dict[tuple[str, str], Sample], rates: dict[str, int]) -> list[Target]:
    """The targets, as far as the peers that they need were measured."""
    at_most = [
        (FRESH, S5CMD_CP, 3 / 4),
        (FRESH, S5CMD_SYNC, 1 / 8),
        (FRESH, AWS_SYNC, 1 / 12),
        (AGAIN, S5CMD_SYNC, 1 / 3),
    ]
    found = [
        Target(
            f"CPU, {scenario}, against {peer.name}",
            medians[scenario, OURS.name].cpu_per_1000 / medians[scenario, peer.name].cpu_per_1000,
            bound,
        )
        for scenario, peer, bound in at_most
        if (scenario, peer.name) in medians
    ]
    if (SLOW, S5CMD_CP.name) in medians:
        ratio = (
            medians[SLOW, OURS.name].objects_per_second
            / medians[SLOW, S5CMD_CP.name].objects_per_second
        )
        found.append(Target("objects/s at 60 ms, against s5cmd cp", ratio, 5, at_least=True))
    for scenario, rate in rates.items():
        fastest = max(
            sample.requests_per_second
            for (where, _), sample in medians.items()
            if where == scenario
        )
        what = f"the stub's rate, {scenario}, against the fastest client"
        found.append(Target(what, rate / fastest, 2, at_least=True))
    return found


def _measure(
    wanted: Sequence[Case], rounds: int, tell: Callable[[str], None]
) -> tuple[dict[tuple[str, str], list[Sample]], dict[str, int]]:
    samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    with ExitStack() as stack:
        stubs = {
            count: stack.enter_context(serving(count))
            for count in sorted({case.objects for case in wanted})
        }
        some = next(iter(stubs.values()))
        rates = {scenario: serving_rate(some, scenario, 3) for scenario in _CONNECTIONS}
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}")
            for case in wanted:
                sample = run_case(case, stubs[case.objects])
                samples[case.scenario, case.client.name].append(sample)
                tell(
                    f"  {case.scenario}, {case.client.name}, {case.objects:,}: "
                    f"{sample.cpu_per_1000:.3f} CPU s, {sample.objects_per_second:,.0f} objects/s"
                )
    return samples, rates


def _tables(
    medians: dict[tuple[str, str], Sample], counts: dict[tuple[str, str], int]
) -> Iterator[Table]:
    for scenario in (FRESH, SLOW, AGAIN):
        table = Table(
            "client", "objects", "CPU s", "objects/s", "peak MB", "connections", "arrived",
            title=f"{scenario}: CPU seconds for 1,000 objects", title_justify="left",
        )  # fmt: skip
        for (where, client), sample in medians.items():
            if where != scenario:
                continue
            arrived = f"LOST {sample.lost:,}" if sample.lost else "all"
            table.add_row(
                client, f"{counts[scenario, client]:,}", f"{sample.cpu_per_1000:.3f}",
                f"{sample.objects_per_second:,.0f}", f"{sample.peak_mb}",
                f"{sample.connections:,}", arrived + (f", exit {sample.code}" * bool(sample.code)),
            )  # fmt: skip
        yield table


def _write(  # noqa: PLR0913, PLR0917 - all that was measured
    results: Path,
    medians: dict[tuple[str, str], Sample],
    samples: dict[tuple[str, str], list[Sample]],
    rates: dict[str, int],
    apart: Apart,
    found: Sequence[Target],
) -> None:
    told = {
        "medians": {f"{s}: {c}": asdict(sample) for (s, c), sample in medians.items()},
        "runs": {f"{s}: {c}": [asdict(each) for each in runs] for (s, c), runs in samples.items()},
        "stub_requests_per_second": rates,
        "ours_apart": asdict(apart),
        "targets": target_documents(found),
    }
    results.write_text(json.dumps(told, indent=1) + "\n")


def main() -> int:
    """Run, print, write; 1 if a target is missed, 2 if it cannot be measured here."""
    parser = argparse.ArgumentParser(description="Copying, measured beside its peers.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--objects", type=int, default=50_000, help="of a fresh copy")
    parser.add_argument("--few", type=int, default=5_000, help="for slow peers")
    parser.add_argument("--many", type=int, default=100_000, help="for runs with nothing to do")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures go")
    asked = parser.parse_args()
    console = Console()
    wanted = cases(asked.objects, asked.few, asked.many)
    missing = {case.client.program for case in wanted if find_program(case.client) is None}
    if missing:
        console.print(f"Not installed: {', '.join(sorted(missing))}: pip install '.[bench]'.")
        return 2
    try:
        samples, rates = _measure(wanted, asked.rounds, console.print)
        apart = measured_apart(asked.objects, asked.rounds, console.print)
    except CannotCountError as error:
        console.print(str(error))
        return 2
    medians = {case: median_of(runs) for case, runs in samples.items()}
    found = targets(medians, rates)
    for table in _tables(medians, {(c.scenario, c.client.name): c.objects for c in wanted}):
        console.print(table)
    console.print(table_apart(apart))
    for scenario, rate in rates.items():
        console.print(f"The stub serves {rate:,} copies per second to a bare driver ({scenario}).")
    cpu = medians[FRESH, OURS.name].cpu_per_1000
    console.print(f"Ours takes {cpu:.3f} CPU seconds per 1,000 objects; the goal is {_AIM}.")
    _write(asked.results, medians, samples, rates, apart, found)
    return report_targets(console, found)


if __name__ == "__main__":
    sys.exit(main())
