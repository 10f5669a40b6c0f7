"""Only our client, as a whole and in parts: ``python -m benchmarks.copy.ours``.

A quick table without the peers, for work on the copy engine.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.copy.clients import OURS, Run, run_client, run_measured
from benchmarks.copy.place import FOLDER, RAW_URI, SOURCE_URI, Stub, serving

LISTINGS = 2
"""Full listings in a fresh copy: the source first, raw afterwards. At first raw is empty."""


@dataclass(frozen=True, slots=True)
class Apart:
    """CPU seconds per 1000 objects of a fresh copy, by part.

    ``start`` is the cost of copying a single object, ``rest`` is what remains: diff, verification
    and bookkeeping. ``s3_client`` is the cost of awscrt's S3 client in place of the transport.
    """

    whole: float
    start: float
    transport: float
    s3_client: float
    listing: float
    manifest: float
    rest: float
    nothing_to_do: float


def fresh(stub: Stub) -> Run:
    """A copy into empty raw; raises RuntimeError unless every object arrived."""
    stub.clear()
    return _checked(stub)


def nothing_to_do(stub: Stub) -> Run:
    """A copy of a folder that is already copied; raises RuntimeError if anything was copied."""
    before = copies(stub)
    run = _checked(stub)
    if copies(stub) != before:
        raise RuntimeError("A copy with nothing to do copied something.")
    return run


def reconciled(stub: Stub) -> Run:
    """Compare source, manifest and raw; raises RuntimeError unless all objects agree."""
    with tempfile.TemporaryDirectory() as lake:
        command = [sys.executable, "-m", "checkout_assets.cli.main", "reconcile", FOLDER, "--json"]
        places = ["--source", SOURCE_URI, "--raw", RAW_URI, "--lake", lake]
        run = run_measured([*command, *places], stub.environment)
    # The output also has, from standard error, a line that nothing is structured yet.
    document, _ = json.JSONDecoder().raw_decode(run.output)
    causes = [cause["reason"] for cause in document["folders"][0]["causes"]]
    if document["totals"]["objects"] != stub.objects or causes != ["not_structured"]:
        raise RuntimeError(f"Not all objects were found to agree.\n{run.output[-2000:]}")
    return run


def copies(stub: Stub) -> int:
    """The number of copies that were requested from the stub."""
    return stub.asked()["CopyObject"]


def part(stub: Stub, name: str) -> Run:
    """Run one part alone; raises RuntimeError if it failed."""
    command = [sys.executable, "-m", "benchmarks.copy.parts", name, str(stub.objects)]
    run = run_measured(command, stub.environment)
    if run.code:
        raise RuntimeError(f"The part {name} failed.\n{run.output[-2000:]}")
    return run


def measured_apart(objects: int, rounds: int, tell: Callable[[str], None]) -> Apart:
    """The medians of each part over some alternating rounds."""
    seen: dict[str, list[float]] = {}

    def note(name: str, run: Run) -> None:
        seen.setdefault(name, []).append(run.cpu_seconds)
        tell(
            f"  {name}: {run.cpu_seconds:.2f} CPU s, {run.seconds:.1f} s, "
            f"{objects / run.seconds:,.0f} objects/s, {run.peak_mb} MB"
        )

    with serving(objects) as stub, serving(1) as single:
        for _ in range(rounds):
            note("start", fresh(single))
            note("whole", fresh(stub))
            note("no-op", nothing_to_do(stub))
            for name in ("nothing", "transport", "s3-client", "listing", "manifest"):
                note(name, part(stub, name))
    each = {name: statistics.median(runs) * 1000 / objects for name, runs in seen.items()}
    parts = {name: each[name] - each["nothing"] for name in ("transport", "listing", "manifest")}
    parts["listing"] *= LISTINGS
    rest = each["whole"] - each["start"] - sum(parts.values())
    return Apart(
        each["whole"],
        each["start"],
        **parts,
        s3_client=each["s3-client"] - each["nothing"],
        rest=rest,
        nothing_to_do=each["no-op"],
    )


def table_apart(apart: Apart) -> Table:
    """The parts as a table."""
    table = Table("ours, CPU seconds for 1,000 objects", "")
    table.add_row("a fresh copy, in all", f"{apart.whole:.3f}")
    table.add_row("  start of the program (a copy of 1 object)", f"{apart.start:.3f}")
    table.add_row("  transport (awscrt's HTTP, bare)", f"{apart.transport:.3f}")
    table.add_row("  listing (the source before, raw after)", f"{apart.listing:.3f}")
    table.add_row("  manifest (its rows made and written)", f"{apart.manifest:.3f}")
    table.add_row("  diff, verification, bookkeeping: the rest", f"{apart.rest:.3f}")
    table.add_row("instead of that transport: awscrt's S3 client", f"{apart.s3_client:.3f}")
    table.add_row("nothing to do, in all", f"{apart.nothing_to_do:.3f}")
    return table


def _checked(stub: Stub) -> Run:
    run = run_client(OURS, stub)
    arrived = stub.arrived()
    if run.code or arrived != stub.objects:
        raise RuntimeError(f"{arrived:,} of {stub.objects:,} arrived.\n{run.output[-2000:]}")
    return run


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Our copy, whole and taken apart.")
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    console = Console()
    apart = measured_apart(asked.objects, asked.rounds, console.print)
    console.print(table_apart(apart))
    return 0


if __name__ == "__main__":
    sys.exit(main())
