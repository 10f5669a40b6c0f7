"""What analysts gain from the compacted tables, and what compaction costs: ``make bench-query``.

A lake of published folders of both tables is generated and compacted with ``tables compact``,
whose CPU is that of its whole process tree. Then three queries are asked of the plain files of
checkout and of its analysts' table, in turn. Prints tables, writes JSON; exits with 1 if a target
is missed. With ``--minutes`` it runs in parts: what one run has measured, the next one takes.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from math import inf
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.processes import run_counted
from benchmarks.query.asking import QUESTIONS, Question, ask_compacted, ask_plain
from benchmarks.query.lake import FIRST_DAY, LakeSize, publish_lake
from benchmarks.query.measured import Figures, Measurements, TimeIsUpError
from benchmarks.targets import Target, report_targets, target_documents

RESULTS = Path(__file__).parents[1] / "results" / "query.json"
FOLDERS, DAYS, ROWS, ROUNDS = 32, 200, 2, 3
PROCESSES = 2
_GIGABYTE = 1e9
_COMMAND_LINE = "from checkout_assets.cli.entry import main; main()"
_SUMMED, _CPU = ("files_before", "bytes_before", "files", "bytes", "rows"), "cpu_seconds"
LEAST_FILES, LEAST_BYTES, LEAST_SPEED = 20.0, 5.0, 10.0


@dataclass(frozen=True, slots=True)
class Compacted:
    """Files and bytes before and after; CPU seconds of so many commands, and those without work."""

    files_before: int
    bytes_before: int
    files: int
    bytes: int
    rows: int
    cpu_seconds: float
    idle_cpu_seconds: float
    commands: int = 1

    @property
    def working(self) -> float:
        """CPU seconds without those of any run."""
        return self.cpu_seconds - self.idle_cpu_seconds


@dataclass(frozen=True, slots=True)
class Compared:
    """A query's medians over the plain files and over the analysts' table."""

    what: str
    of_one_month: bool
    plain_seconds: float
    compacted_seconds: float
    plain_cpu_seconds: float
    compacted_cpu_seconds: float

    @property
    def speed(self) -> float:
        """How many times faster it is over the analysts' table."""
        return self.plain_seconds / self.compacted_seconds


def compact(lake: Path, parts: Sequence[Sequence[str]], measured: Measurements) -> Compacted:
    """Compact the months of each part in a command of its own, then once more with nothing to do.

    A part without months is the whole lake.
    """
    measured.take("without analysts' tables", lambda: _without_tables(lake))
    each = [measured.take(f"compact {part}", partial(_compacted, lake, part)) for part in parts]
    idle = measured.take("nothing to do", partial(_compacted, lake, ()))
    sums = {name: sum(figures[name] for figures in each) for name in [*_SUMMED, _CPU]}
    return Compacted(
        **{name: sums[name] for name in _SUMMED},
        cpu_seconds=round(sums[_CPU], 1),
        idle_cpu_seconds=round(idle[_CPU] * len(parts), 1),
        commands=len(parts),
    )


def _without_tables(lake: Path) -> Figures:
    shutil.rmtree(lake / "orders", ignore_errors=True)
    return {}


def _compacted(lake: Path, months: Sequence[str]) -> Figures:
    words = ["tables", "compact", "--lake", str(lake), "--json", *months]
    ended = run_counted([sys.executable, "-c", _COMMAND_LINE, *words])
    assert ended.code == 0, ended.output
    _, brace, rest = ended.output.partition("\n{\n")  # progress comes before the document
    document = json.loads(brace + rest if brace else ended.output)
    assert all(month["ok"] for month in document["months"]), document
    sums = {name: sum(month[name] for month in document["months"]) for name in _SUMMED}
    return {**sums, _CPU: ended.cpu_seconds, "seconds": round(ended.seconds, 1)}


def months_apart(days: int) -> list[tuple[str]]:
    """The months of so many days since the lake's first one, each a part."""
    dates = (FIRST_DAY + timedelta(days=day) for day in range(days))
    return [(month,) for month in sorted({f"{each:%Y-%m}" for each in dates})]


def compare(lake: Path, rounds: int, measured: Measurements) -> list[Compared]:
    """Ask every question of both, in turn; both must answer the same."""
    return [_compared(lake, question, rounds, measured) for question in QUESTIONS]


def _compared(lake: Path, question: Question, rounds: int, measured: Measurements) -> Compared:
    asked = [
        measured.take(f"{question.what}, {number}", partial(_asked, lake, question))
        for number in range(rounds)
    ]
    medians = {name: round(median(each[name] for each in asked), 3) for name in asked[0]}
    return Compared(question.what, question.of_one_month, **medians)


def _asked(lake: Path, question: Question) -> Figures:
    plain, compacted = ask_plain(lake, question), ask_compacted(lake, question)
    assert plain.rows == compacted.rows, question.what
    assert plain.rows, question.what
    return {
        f"{side}_{name}": getattr(answered, name)
        for side, answered in (("plain", plain), ("compacted", compacted))
        for name in ("seconds", "cpu_seconds")
    }


def targets(compacted: Compacted, queries: list[Compared]) -> list[Target]:
    """The aims of the analysts' tables."""
    slowest = min(each.speed for each in queries if each.of_one_month)
    fewer = compacted.files_before / compacted.files
    smaller = compacted.bytes_before / compacted.bytes
    return [
        Target("times fewer files", fewer, LEAST_FILES, at_least=True),
        Target("times fewer bytes", smaller, LEAST_BYTES, at_least=True),
        Target("times faster over one month", slowest, LEAST_SPEED, at_least=True),
    ]


def show(compacted: Compacted) -> Table:
    """Files, bytes and the cost of compaction."""
    table = Table("both tables", "plain", "compacted")
    table.add_row("files", f"{compacted.files_before:,}", f"{compacted.files:,}")
    table.add_row("MB", f"{compacted.bytes_before / 1e6:,.1f}", f"{compacted.bytes / 1e6:,.1f}")
    per_file = 1000 * compacted.working / compacted.files_before
    per_gigabyte = compacted.working / (compacted.bytes_before / _GIGABYTE)
    table.add_row("CPU s of compaction", "", f"{compacted.cpu_seconds:,.1f}")
    table.add_row("CPU s with nothing to do", "", f"{compacted.idle_cpu_seconds:,.1f}")
    table.add_row("CPU ms per input file", "", f"{per_file:.1f}")
    table.add_row("CPU s per input GB", "", f"{per_gigabyte:,.0f}")
    return table


def show_queries(queries: list[Compared]) -> Table:
    """Seconds of each query, CPU seconds in parentheses."""
    table = Table("query: seconds (CPU)", "plain", "compacted", "times faster")
    for each in queries:
        plain = f"{each.plain_seconds:.2f} ({each.plain_cpu_seconds:.2f})"
        compacted = f"{each.compacted_seconds:.2f} ({each.compacted_cpu_seconds:.2f})"
        table.add_row(each.what, plain, compacted, f"{each.speed:.1f}")
    return table


def measure(lake: Path, size: LakeSize, rounds: int, out: Path, minutes: float = inf) -> int:
    """Generate, compact, ask, print and write; 1 if a target is missed or parts are left."""
    console, seconds = Console(), 60 * minutes
    measured = Measurements(lake.with_name(f"{lake.name}.measured.json"), asdict(size), seconds)
    left = publish_lake(str(lake), size, PROCESSES, seconds)
    if left:
        console.print(f"{left} folders are left: run it again with this --lake.")
        return 1
    parts = [()] if minutes == inf else months_apart(size.days)
    try:
        compacted = compact(lake, parts, measured)
        queries = compare(lake, rounds, measured)
    except TimeIsUpError as next_part:
        console.print(f"The next part is: {next_part}. Run it again with this --lake.")
        return 1
    console.print(show(compacted), show_queries(queries))
    judged = targets(compacted, queries)
    told = {
        "lake": asdict(size),
        "rounds": rounds,
        "compacted": asdict(compacted),
        "queries": [asdict(each) for each in queries],
        "targets": target_documents(judged),
    }
    out.write_text(json.dumps(told, indent=1) + "\n")
    return report_targets(console, judged)


def main() -> int:
    """Measure at the size that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folders", type=int, default=FOLDERS, help="of the 256 of each table")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--rows", type=int, default=ROWS, help="per file")
    parser.add_argument(
        "--distinct",
        type=int,
        default=0,
        help="folders of each table with rows of their own (default: all)",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--lake", type=Path, help="keep the generated lake there, or take it")
    parser.add_argument(
        "--minutes", type=float, default=inf, help="begin no part after that; go on in another run"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    size = LakeSize(given.folders, given.days, given.rows, given.distinct)
    if given.lake is not None:
        return measure(given.lake.absolute(), size, given.rounds, given.out, given.minutes)
    with tempfile.TemporaryDirectory() as directory:
        return measure(Path(directory) / "lake", size, given.rounds, given.out)


if __name__ == "__main__":
    sys.exit(main())
