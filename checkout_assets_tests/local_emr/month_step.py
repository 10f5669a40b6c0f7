"""A step that compacts a month for the local EMR, with the job's own code and without Java.

``python -m ... ENDING SCRIPT_ARGUMENTS``: with the ending ``killed`` it dies, as by kill -9, after
its data files are written and before its result is.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from checkout_assets_tests.in_process_spark import InProcessSpark
from spark_jobs import compact_months
from spark_jobs.compaction.planned import compact_planned
from spark_jobs.stores import open_store

ROOT = Path(__file__).resolve().parents[2]
DONE, KILLED = "done", "killed"


def month_step(
    arguments: Sequence[str],
    ending: str = DONE,
    before: str = "true",
    python: Sequence[str] = (sys.executable,),
) -> list[str]:
    """The local command for a step's ``spark-submit`` of ``compact_months.py``."""
    script = next(n for n, each in enumerate(arguments) if each.endswith(".py"))
    words = [*python, "-m", __spec__.name, ending, *arguments[script + 1 :]]
    line = f'{before} && PYTHONPATH="$1" && export PYTHONPATH && shift && exec "$@"'
    return ["sh", "-c", line, "sh", str(ROOT), *words]


def main() -> int:
    """Do what the script does, up to the ending."""
    ending, *arguments = sys.argv[1:]
    asked = compact_months._parser().parse_args(arguments)
    lake = open_store(asked.lake)
    (name,) = asked.months
    result = compact_planned(InProcessSpark, lake, asked.lake, asked.run_id, name)
    if ending == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    return 1 if compact_months._keep(lake, result) else 0


if __name__ == "__main__":
    sys.exit(main())
