"""The script that a Spark cluster runs: write data files of months, exit 0 if all are written.

spark-submit --py-files spark_jobs.zip compact_months.py --lake URI --run-id ID TABLE-MONTH...

Each month needs its plan in the lake. The months' results name the files; nothing is committed.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, List, Optional

if TYPE_CHECKING:
    from spark_jobs.contract.months import MonthResult
    from spark_jobs.stores import Store


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the job: print one line per month, and leave each result in the lake."""
    from pyspark.sql import SparkSession

    from spark_jobs.compaction.planned import compact_planned
    from spark_jobs.stores import open_store

    asked = _parser().parse_args(arguments)
    lake = open_store(asked.lake)
    builder = SparkSession.builder.appName("compact months")
    try:
        problems = [
            _keep(lake, compact_planned(builder.getOrCreate, lake, asked.lake, asked.run_id, name))
            for name in asked.months
        ]
    finally:
        if (spark := SparkSession.getActiveSession()) is not None:
            spark.stop()
    return 1 if any(problems) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Write months of the analysts' tables.")
    parser.add_argument("--lake", required=True, metavar="URI", help="where the tables lie")
    parser.add_argument("--run-id", required=True, help="names this run's files")
    parser.add_argument("months", nargs="+", metavar="TABLE-MONTH", help="as checkout-2018-10")
    return parser


def _keep(lake: Store, result: MonthResult) -> str:
    """Leave a month's result in the lake and print its line; return the problem, if any."""
    from spark_jobs.contract.counting import counted
    from spark_jobs.contract.keys import month_unit_name, result_key
    from spark_jobs.stores import StoreError

    name = month_unit_name(result.table, result.month)
    rows = sum(file.rows for file in result.files)
    ending = f"{counted(rows, 'row')} in {counted(len(result.files), 'file')}"
    problem = result.error
    try:
        lake.put(result_key(name, result.run_id), result.to_json())
    except StoreError as error:
        problem = result.error or f"{ending}, but its result was not kept: {error.reason}"
    sys.stdout.write(f"{name}: {problem or ending}\n")
    return problem


if __name__ == "__main__":
    sys.exit(main())
