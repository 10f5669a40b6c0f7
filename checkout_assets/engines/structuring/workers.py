"""Local Spark's Python workers, forked from a process that has imported what every task needs.

Spark runs this module instead of ``pyspark.daemon``. Otherwise each worker would import the same
modules again, and PySpark would be compiled at every start: Spark puts its zip file, which has no
compiled modules, before the installed package.
"""

import gc
import re
import sys
from importlib import import_module
from pathlib import PurePath

_ARCHIVES_OF_SPARK = re.compile(r"pyspark\.zip|py4j-[0-9.]+-src\.zip|spark-core_.+\.jar")
"""Archives that Spark adds to its workers' import path: ``sparkPythonPath``, PythonUtils.scala."""

_USED_BY_TASKS = (
    "spark_jobs.job.staging",
    "pyarrow.json",
    "pyarrow.parquet",
    "boto3.s3.inject",
    "botocore.crt.auth",
    "awscrt.auth",
    "awscrt.http",
    "awscrt.s3",
)
"""Only modules that can be imported before a fork: they start no thread that a worker needs."""


def main() -> None:
    """Import the modules, then fork a worker whenever Spark asks for one, until Spark ends."""
    use_installed_packages()
    import_for_tasks()
    gc.freeze()  # a worker's collector would visit, and so copy, all that is shared
    from pyspark import daemon

    daemon.manager()  # type: ignore[no-untyped-call]


def import_for_tasks() -> None:
    """Import the modules that tasks use."""
    for name in _USED_BY_TASKS:
        import_module(name)


def use_installed_packages() -> None:
    """Remove Spark's archives from the import path: their content is also installed."""
    for entry in list(sys.path):
        if _ARCHIVES_OF_SPARK.fullmatch(PurePath(entry).name):
            sys.path.remove(entry)
            sys.path_importer_cache.pop(entry, None)


if __name__ == "__main__":
    main()
