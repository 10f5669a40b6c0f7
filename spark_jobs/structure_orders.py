"""The script a Spark cluster runs: structure folders, exit 0 if all of them are published.

spark-submit --py-files spark_jobs.zip structure_orders.py \\
    --raw URI --lake URI --run-id ID FOLDER...
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING, List, Optional

if TYPE_CHECKING:
    from spark_jobs.contract.failures import Failure
    from spark_jobs.contract.results import FolderStructured
    from spark_jobs.job.staging import StructureJob
    from spark_jobs.stores import Store

_WRONG_USAGE = 2


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the job: print one line per folder, and leave each result in the lake."""
    from pyspark.sql import SparkSession

    from spark_jobs.contract.keys import PROBES_IN_LAKE
    from spark_jobs.job.plan import REFUSED
    from spark_jobs.job.run import structure_folders
    from spark_jobs.stores import StoreError, open_store
    from spark_jobs.stores.conditions import ConditionsIgnoredError, check_conditions

    job = _job_of(_parser().parse_args(arguments))
    lake = open_store(job.lake_uri, job.lake_terms)
    try:
        check_conditions(lake, PROBES_IN_LAKE)
    except ConditionsIgnoredError as error:
        _refuse(lake, job, str(error), REFUSED)
        return _WRONG_USAGE
    except StoreError as error:
        _refuse(lake, job, f"The lake cannot be written to: {error.reason}.", error.failure)
        return 1
    spark = SparkSession.builder.appName("structure orders").getOrCreate()
    try:
        problems = [_keep(lake, job, result) for result in structure_folders(spark, job)]
    finally:
        spark.stop()
    return 1 if any(problems) else 0


def _parser() -> argparse.ArgumentParser:
    from spark_jobs.contract.limits import LARGEST_BODY_BYTES
    from spark_jobs.contract.words import DROP_ROWS, KEEP

    parser = argparse.ArgumentParser(description="Structure copied folders into Parquet tables.")
    parser.add_argument("--raw", required=True, metavar="URI", help="where copied folders lie")
    parser.add_argument("--lake", required=True, metavar="URI", help="where the tables go")
    parser.add_argument("--run-id", required=True, help="names this run's files")
    parser.add_argument("--vanished", choices=[KEEP, DROP_ROWS], default=KEEP)
    parser.add_argument("--replaces-raw", default="", metavar="URI", help="the replaced raw")
    parser.add_argument("--largest-body-bytes", type=int, default=LARGEST_BODY_BYTES)
    parser.add_argument("--raw-account", default="", help="the account that must own raw's bucket")
    parser.add_argument("--lake-encryption", default="", help="AES256 or aws:kms, of all writes")
    parser.add_argument("--lake-kms-key", default="", help="the key, with aws:kms")
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    return parser


def _job_of(asked: argparse.Namespace) -> StructureJob:
    from spark_jobs.job.staging import StructureJob
    from spark_jobs.stores import StoreTerms

    return StructureJob(
        asked.raw,
        asked.lake,
        asked.run_id,
        tuple(asked.folders),
        asked.vanished,
        replaces_raw=asked.replaces_raw,
        largest_body=asked.largest_body_bytes,
        raw_terms=StoreTerms(asked.raw_account),
        lake_terms=StoreTerms(encryption=asked.lake_encryption, kms_key=asked.lake_kms_key),
    )


def _keep(lake: Store, job: StructureJob, result: FolderStructured) -> str:
    """Leave a folder's result in the lake and print its line; return the problem, if any."""
    from spark_jobs.contract.counting import counted
    from spark_jobs.contract.keys import result_key
    from spark_jobs.stores import StoreError

    ending = f"{counted(result.totals.rows, 'row')} in {counted(result.files, 'file')}"
    problem = result.error
    try:
        lake.put(result_key(result.folder, job.run_id), result.to_json())
    except StoreError as error:
        problem = result.error or f"{ending}, but its result was not kept: {error.reason}"
    told = (problem or ending).removeprefix(f"{result.folder}: ")
    sys.stdout.write(f"{result.folder}: {told}\n")
    return problem


def _refuse(lake: Store, job: StructureJob, sentence: str, failure: Failure) -> None:
    """Print why nothing was structured, and try to leave that as each folder's result."""
    from spark_jobs.contract.keys import result_key
    from spark_jobs.contract.results import FolderStructured
    from spark_jobs.contract.totals import StructureTotals
    from spark_jobs.stores import StoreError

    sys.stdout.write(f"{sentence}\n")
    for folder in job.folders:
        refused = FolderStructured(
            folder, job.run_id, StructureTotals(), error=sentence, failure=failure
        )
        with contextlib.suppress(StoreError):
            lake.put(result_key(folder, job.run_id), refused.to_json())


if __name__ == "__main__":
    sys.exit(main())
