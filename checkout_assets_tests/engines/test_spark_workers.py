"""Local Spark's workers start with what every task needs, imported once for all of them."""

import os
import subprocess
import sys
from pathlib import Path

from checkout_assets.engines.structuring.session import local_spark_config

SEEN_IN_WORKERS = """
import sys
from checkout_assets_tests.spark_sessions import local_session

def seen(_):
    archives = [finder for finder in sys.path_importer_cache.values() if hasattr(finder, "archive")]
    of_spark = [finder.archive for finder in archives if "pyspark" in finder.archive]
    return sys.modules["pyspark"].__file__, "awscrt.http" in sys.modules, of_spark

with local_session("local[2]") as spark:
    for told in spark.sparkContext.parallelize(range(2), 2).map(seen).collect():
        print(*told)
"""

LEFT_TO_IMPORT = """
import sys
from checkout_assets.engines.structuring.workers import import_for_tasks

import_for_tasks()
before = set(sys.modules)
from spark_jobs.job.writing import FolderWriter
from spark_jobs.stores import open_store

(_, read), = open_store("s3://bucket/raw").read_many(["key"], 1)
print(type(read).__name__)
days = [("2018-10-31", [b'{"id": "1", "_source_key": "key"}'])]
FolderWriter(open_store(sys.argv[1]), "0A_CheckoutOrder", "run").write_days(days)
print(sorted(name for name in set(sys.modules) - before if "." in name))
"""


def test_only_this_machines_workers_are_forked_by_our_own_module() -> None:
    forks = "spark.python.daemon.module"
    assert forks in local_spark_config("local[2]")
    assert forks in local_spark_config("local[2,1]")
    assert forks not in local_spark_config("spark://other:7077")


def test_workers_use_the_installed_pyspark_and_import_nothing_twice() -> None:
    import pyspark

    told = subprocess.run(
        [sys.executable, "-c", SEEN_IN_WORKERS],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert told.stdout.splitlines() == [f"{pyspark.__file__} True []"] * 2


def test_a_task_has_nothing_left_to_import(tmp_path: Path) -> None:
    aws = {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-2",
    }
    told = subprocess.run(
        [sys.executable, "-c", LEFT_TO_IMPORT, str(tmp_path)],
        env={**os.environ, **aws},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.splitlines() == ["StoreError", "[]"]
