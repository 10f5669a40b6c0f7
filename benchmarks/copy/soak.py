"""One folder with increasing numbers of objects: ``make soak-copy``.

Memory is the peak resident size of our process. The cost of an object excludes the start of the
program, which is measured by a copy of one object.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.copy.clients import Run
from benchmarks.copy.ours import fresh, nothing_to_do, part, reconciled
from benchmarks.copy.place import serving
from benchmarks.processes import CannotCountError
from benchmarks.targets import Target, report_targets, target_documents

RESULTS = Path(__file__).parents[1] / "results" / "copy_soak.json"
_MOST_MB = 200
_STARTS = 5
"""How often the start is measured: it is most of the cost of ten thousand objects."""

_GROWTH = 1.25
"""The allowed ratio of the largest count to the smallest: cost per object, memory of listings."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """A run over one folder; ``cpu_per_1000`` is without the start of the program."""

    what: str
    objects: int
    seconds: float
    cpu_seconds: float
    cpu_per_1000: float
    peak_mb: int

    @property
    def outweighs_start(self) -> bool:
        """Whether the objects cost more than the start, which differs from run to run."""
        return self.cpu_per_1000 * self.objects / 1000 > self.cpu_seconds / 2


def soaked(what: str, objects: int, run: Run, start: float) -> Soaked:
    """The figures of a run; ``start`` CPU seconds of it are the program's start."""
    each = (run.cpu_seconds - start) * 1000 / objects
    return Soaked(
        what, objects, round(run.seconds, 1), round(run.cpu_seconds, 2), round(each, 4), run.peak_mb
    )


def soak_copies(counts: Sequence[int], tell: Callable[[Soaked], None]) -> list[Soaked]:
    """A fresh copy, one with nothing to do, and a reconciliation, per count."""
    found: list[Soaked] = []
    with serving(1) as single:
        start, start_again, start_comparing = (
            _median_of(partial(run, single)) for run in (fresh, nothing_to_do, reconciled)
        )
    for count in counts:
        with serving(count) as stub:
            found.append(soaked("copy", count, fresh(stub), start))
            tell(found[-1])
            found.append(soaked("nothing to do", count, nothing_to_do(stub), start_again))
            tell(found[-1])
            found.append(soaked("reconcile", count, reconciled(stub), start_comparing))
            tell(found[-1])
    return found


def _median_of(run: Callable[[], Run]) -> float:
    return statistics.median(run().cpu_seconds for _ in range(_STARTS))


def soak_listings(counts: Sequence[int], tell: Callable[[Soaked], None]) -> list[Soaked]:
    """A listing of the source alone, per count."""
    found: list[Soaked] = []
    for count in counts:
        with serving(count) as stub:
            start = part(stub, "nothing").cpu_seconds
            found.append(soaked("listing", count, part(stub, "listing"), start))
            tell(found[-1])
    return found


def targets(copies: Sequence[Soaked], listings: Sequence[Soaked]) -> list[Target]:
    """The targets, which must hold for a folder of any size."""
    found = [Target("peak MB", max(run.peak_mb for run in copies), _MOST_MB)]
    for what in ("copy", "nothing to do", "reconcile"):
        runs = [run for run in copies if run.what == what and run.outweighs_start]
        growth = runs[-1].cpu_per_1000 / runs[0].cpu_per_1000
        found.append(Target(f"CPU for 1,000 objects, {what}, largest to smallest", growth, _GROWTH))
    growth = listings[-1].peak_mb / listings[0].peak_mb
    found.append(Target("peak MB of a listing, largest to smallest", growth, _GROWTH))
    return found


def main() -> int:
    """Run all counts, print and write the results; 1 if memory or cost grew."""
    parser = argparse.ArgumentParser(description="Copying a folder of a million objects.")
    parser.add_argument("--counts", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--listed", nargs="+", type=int, default=[100_000, 10_000_000])
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures go")
    asked = parser.parse_args()
    console = Console()

    def tell(run: Soaked) -> None:
        console.print(f"{run.what}, {run.objects:,}: {run.cpu_seconds:,} CPU s, {run.peak_mb} MB")

    try:
        copies = soak_copies(asked.counts, tell)
        listings = soak_listings(asked.listed, tell)
    except CannotCountError as error:
        console.print(str(error))
        return 2
    console.print(_table([*copies, *listings]))
    found = targets(copies, listings)
    _write(asked.results, [*copies, *listings], found)
    return report_targets(console, found)


def _table(runs: Sequence[Soaked]) -> Table:
    table = Table("what", "objects", "wall s", "CPU s", "CPU s for 1,000", "peak MB")
    for run in runs:
        table.add_row(
            run.what, f"{run.objects:,}", f"{run.seconds:,}", f"{run.cpu_seconds:,}",
            f"{run.cpu_per_1000:.3f}", f"{run.peak_mb}",
        )  # fmt: skip
    return table


def _write(results: Path, runs: Sequence[Soaked], found: Sequence[Target]) -> None:
    told = {
        "runs": [asdict(run) for run in runs],
        "targets": target_documents(found),
    }
    results.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
