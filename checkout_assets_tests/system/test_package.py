"""What is uploaded runs by itself: nothing of this checkout and of this environment is needed."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from checkout_assets.engines.structuring.session import use_java
from checkout_assets.packaging.build import build_package
from checkout_assets.packaging.contents import Package, Role
from checkout_assets.packaging.locks import SPARK_LIBRARIES
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.spark_jobs.conformed_orders import accepted, order
from spark_jobs.conforming.lines import table_from_lines, with_lineage

ROOT = Path(__file__).resolve().parents[2]
X86 = "x86_64"
RUN_ID = "packaged"
DRIVER_PATH = "libraries"
"""Where the driver finds its libraries; executors inherit the name, and have no such directory."""
Build = Callable[[str], tuple[Path, Package]]
ORDERS = {
    f"{FOLDER}/AF/id/{number}-01": order(
        Id=f"{number}-01",
        LastChange=f"2018-10-{28 + number}T10:00:00Z",
        Items=[{"id": f"{number:04d}", "price": "100"}],
        Unknown={"kept": number},
    ).encode()
    for number in (1, 2, 3)
}


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str


class Elsewhere:
    """A machine that knows only what is put there: an interpreter without a library."""

    def __init__(self, directory: Path, interpreter: str, pip: bool = False) -> None:
        self.work = directory / "work"
        self.work.mkdir(parents=True)
        venv = [interpreter, "-m", "venv", *([] if pip else ["--without-pip"])]
        subprocess.run([*venv, directory / "bare"], check=True)
        self.bin = directory / "bare" / "bin"
        for module in ("spark_jobs", "checkout_assets", "pyarrow", "pyspark"):
            assert self.run(self.bin / "python", "-c", f"import {module}").code != 0, module

    def run(self, *command: str | Path, **environment: str) -> Ended:
        """Run a program there, with nothing of this process's environment but AWS's variables."""
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        ended = subprocess.run(
            [str(word) for word in command],
            cwd=self.work,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", **aws, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def spark_submit(self, master: str, options: list[str], *words: str | Path) -> Ended:
        """The spark-submit of a pyspark that this interpreter has not installed."""
        spark = self._spark_home()
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.pyspark.python": str(self.bin / "python"),  # instead of a cluster node's
        }
        for name, value in settings.items():
            options = [*options, "--conf", f"{name}={value}"]
        return self.run(
            *(spark / "bin" / "spark-submit", "--master", master, *options, *words),
            SPARK_HOME=str(spark),
            JAVA_HOME=str(use_java()),
            SPARK_LOCAL_IP="127.0.0.1",
            PYTHONPATH=DRIVER_PATH,
        )

    def _spark_home(self) -> Path:
        """Spark as a cluster has it; executors work in a directory below it."""
        home = self.work.parent / "spark"
        home.mkdir()
        installed = Path(str(importlib.metadata.distribution("pyspark").locate_file("pyspark")))
        for name in ("bin", "jars", "python"):
            (home / name).symlink_to(installed / name)
        return home


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds the whole package from the real index, once for each Python of the cluster."""

    @cache
    def build(python: str) -> tuple[Path, Package]:
        out = tmp_path_factory.mktemp("dist")
        return out, build_package(ROOT, out, [X86], spark_python=python)

    return build


@pytest.fixture
def copied(place: OrdersPlace) -> OrdersPlace:
    """A place with a copied folder."""
    for key, body in ORDERS.items():
        place.put(key, body)
    place.copy(FOLDER)
    return place


def job_words(place: OrdersPlace) -> list[str]:
    return ["--raw", place.raw.uri, "--lake", place.lake.uri, "--run-id", RUN_ID, FOLDER]


def table_of(place: OrdersPlace) -> list[dict[str, Any]]:
    """The rows of the table's files, by id."""
    files = sorted((place.lake.path / "consumable_tables").rglob("*.parquet"))
    rows = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    return sorted(rows, key=lambda row: str(row["id"]))


def expected_table(place: OrdersPlace) -> list[dict[str, Any]]:
    """The rows that these orders are, conformed in this process."""
    etags = {row["source_key"]: row["source_etag"] for row in place.manifest()}
    lines = [
        with_lineage(accepted(body).line, FOLDER, key, etags[key], RUN_ID)
        for key, body in ORDERS.items()
    ]
    rows: list[dict[str, Any]] = table_from_lines("checkout", lines).to_pylist()
    return rows


def link_libraries(target: Path) -> None:
    """This environment's own copies of what the job needs, and nothing else, on a path."""
    target.mkdir()
    waiting, done = list(SPARK_LIBRARIES), set[str]()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        found = importlib.metadata.distribution(name)
        needed = [text for text in found.requires or () if "extra ==" not in text]
        waiting += [re.split(r"[^\w.-]", text)[0] for text in needed]
        for top in {file.parts[0] for file in found.files or ()} - {".."}:
            if not (target / top).exists() and top != "__pycache__":
                (target / top).symlink_to(Path(str(found.locate_file(top))))


def test_the_job_runs_from_the_packaged_code_alone(copied: OrdersPlace, tmp_path: Path) -> None:
    out = tmp_path / "dist"
    package = build_package(ROOT, out, required=())
    elsewhere = Elsewhere(tmp_path / "elsewhere", sys.executable)
    link_libraries(elsewhere.work / DRIVER_PATH)
    options = ["--py-files", str(out / package.find(Role.SPARK_CODE).name)]
    script = out / package.find(Role.SPARK_SCRIPT).name

    ended = elsewhere.spark_submit("local[2]", options, script, *job_words(copied))

    assert ended.code == 0, ended.err
    assert ended.out == f"{FOLDER}: 3 rows in 3 files\n"
    assert table_of(copied) == expected_table(copied)


def interpreter(version: str) -> str:
    """An interpreter of that version, or the test is skipped."""
    pyenv = Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python{version}")
    for candidate in (sys.executable, shutil.which(f"python{version}"), *map(str, pyenv)):
        script = "import sys; print('%d.%d' % sys.version_info[:2])"
        told = subprocess.run(
            [candidate or "false", "-c", script], capture_output=True, text=True, check=False
        )
        if told.stdout.strip() == version:
            return str(candidate)
    pytest.skip(f"there is no Python {version} on this machine")


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.9"])
def test_the_job_runs_from_the_archives_on_executors_of_their_own(
    built: Build, copied: OrdersPlace, tmp_path: Path, python: str
) -> None:
    """Executors that are processes of their own unpack the archive, as on YARN."""
    elsewhere = Elsewhere(tmp_path / "elsewhere", interpreter(python))
    out, package = built(python)
    with tarfile.open(out / package.find(Role.SPARK_DEPENDENCIES, X86).name) as archive:
        archive.extractall(
            elsewhere.work / DRIVER_PATH
        )  # as YARN does for a driver in cluster mode
    options = package.spark_options(str(out), X86)
    script = out / package.find(Role.SPARK_SCRIPT).name

    ended = elsewhere.spark_submit("local-cluster[1,2,1024]", options, script, *job_words(copied))

    assert ended.code == 0, ended.err
    assert ended.out == f"{FOLDER}: 3 rows in 3 files\n"
    assert table_of(copied) == expected_table(copied)
    (unpacked,) = elsewhere.work.parent.glob("spark/work/*/0/deps/pyarrow")
    assert unpacked.is_dir()


@pytest.mark.slow
def test_a_worker_installs_without_an_index_and_copies(
    built: Build, place: OrdersPlace, tmp_path: Path
) -> None:
    for key, body in ORDERS.items():
        place.put(key, body)
    elsewhere = Elsewhere(tmp_path / "elsewhere", interpreter("3.11"), pip=True)
    out, package = built("3.11")
    with tarfile.open(out / package.find(Role.WORKER, X86).name) as archive:
        archive.extractall(elsewhere.work / "wheels")
    wheels = sorted((elsewhere.work / "wheels").iterdir())
    pip = ["-m", "pip", "install", "--no-index", "--no-deps"]
    installed = elsewhere.run(elsewhere.bin / "python", *pip, *wheels)
    assert installed.code == 0, installed.err
    assert elsewhere.run(elsewhere.bin / "python", "-c", "import dagster").code != 0

    words = ["--source", place.source.uri, "--raw", place.raw.uri, FOLDER]
    ended = elsewhere.run(elsewhere.bin / "checkout-assets", "copy", "--json", *words)

    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["totals"]["copied"] == len(ORDERS)
    assert place.statuses() == dict.fromkeys(ORDERS, "copied")
