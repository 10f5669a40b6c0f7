"""What analysts gain from the compacted tables, and what compaction costs: ``make bench-query``.

A lake of published folders is generated and compacted with ``tables compact``, whose
CPU is that of its whole process tree. Then three queries are asked of the plain files and of the
analysts' table, in turn. Prints tables, writes JSON; exits with 1 if a target is missed.
"""

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.processes import run_counted
from benchmarks.query.asking import QUESTIONS, Answered, Question, ask_compacted, ask_plain
from benchmarks.query.lake import LakeSize, publish_lake
from benchmarks.targets import Target, report_targets, target_documents

RESULTS = Path(__file__).parents[1] / "results" / "query.json"
FOLDERS, DAYS, ROWS, ROUNDS = 32, 200, 2, 3
PROCESSES = 2
_GIGABYTE = 1e9
_COMMAND_LINE = "from checkout_assets.cli.entry import main; main()"
LEAST_FILES, LEAST_BYTES, LEAST_SPEED = 20.0, 5.0, 10.0


@dataclass(frozen=True, slots=True)
class Compacted:
    """Files and bytes before and after; CPU seconds, and those of a run with nothing to do."""

    files_before: int
    bytes_before: int
    files: int
    bytes: int
    rows: int
    cpu_seconds: float
    idle_cpu_seconds: float

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


def compact(lake: Path) -> Compacted:
    """Compact the whole lake, then once more with nothing to do."""
    shutil.rmtree(lake / "orders", ignore_errors=True)
    cpu_seconds, document = _run_compact(lake)
    idle, _ = _run_compact(lake)
    months = document["months"]
    assert all(month["ok"] for month in months), document
    names = ("files_before", "bytes_before", "files", "bytes", "rows")
    sums = {name: sum(month[name] for month in months) for name in names}
    return Compacted(**sums, cpu_seconds=round(cpu_seconds, 1), idle_cpu_seconds=round(idle, 1))


def _run_compact(lake: Path) -> tuple[float, dict[str, Any]]:
    words = ["tables", "compact", "--lake", str(lake), "--json"]
    ended = run_counted([sys.executable, "-c", _COMMAND_LINE, *words])
    assert ended.code == 0, ended.output
    _, brace, rest = ended.output.partition("\n{\n")  # progress comes before the document
    document: dict[str, Any] = json.loads(brace + rest if brace else ended.output)
    return ended.cpu_seconds, document


def compare(lake: Path, rounds: int) -> list[Compared]:
    """Ask every question of both, in turn; both must answer the same."""
    return [_compared(lake, question, rounds) for question in QUESTIONS]


def _compared(lake: Path, question: Question, rounds: int) -> Compared:
    plain, compacted = [], []
    for _ in range(rounds):
        plain.append(ask_plain(lake, question))
        compacted.append(ask_compacted(lake, question))
        assert plain[-1].rows == compacted[-1].rows, question.what
        assert plain[-1].rows, question.what
    return Compared(question.what, question.of_one_month, *_medians(plain, compacted))


def _medians(plain: list[Answered], compacted: list[Answered]) -> list[float]:
    return [
        round(median(getattr(each, name) for each in side), 3)
        for name in ("seconds", "cpu_seconds")
        for side in (plain, compacted)
    ]


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
    table = Table("checkout", "plain", "compacted")
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
    """Generate, compact, ask, print and write; 1 if a target is missed or folders are left."""
    console = Console()
    left = publish_lake(str(lake), size, PROCESSES, 60 * minutes)
    if left:
        console.print(f"{left} of {size.folders} folders are left: run it again with this --lake.")
        return 1
    compacted = compact(lake)
    queries = compare(lake, rounds)
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
    parser.add_argument("--folders", type=int, default=FOLDERS, help="of the 256 of checkout")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--rows", type=int, default=ROWS, help="per file")
    parser.add_argument(
        "--distinct", type=int, default=0, help="folders with rows of their own (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--lake", type=Path, help="keep the generated lake there, or take it")
    parser.add_argument(
        "--minutes", type=float, default=inf, help="stop generating then, and go on in another run"
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
