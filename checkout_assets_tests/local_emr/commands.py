"""The local commands for a step's ``spark-submit``."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import publication_record_key, result_key
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.results import FolderStructured
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import open_store

_WRITE_A_FILE = 'mkdir -p "${1%/*}" && printf %s "$2" >"$1" && shift 2'
_PUT_FILES = """
import sys, urllib.request
for url, data in zip(sys.argv[1::2], sys.argv[2::2]):
    urllib.request.urlopen(urllib.request.Request(url, data.encode(), method="PUT"))
"""
_SHORT_LIVED = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
_OF_CLUSTERS = ("--deploy-mode", "--archives", "--conf")


def one_line_script(
    arguments: Sequence[str],
    place: Path,
    before: str = "",
    after: str = "",
    error: str = "",
) -> list[str]:
    """A shell line that leaves in a lake on disk what the job would; it fails with ``error``."""
    lake = Path(_option(arguments, "--lake"))
    files = _files(arguments, error)
    words = [word for key, data in files.items() for word in (str(lake / key), data.decode())]
    last = "exit 1" if error else after
    script = " && ".join(filter(None, [before, *[_WRITE_A_FILE] * len(files), last]))
    return ["sh", "-c", script, "sh", *words]


def one_line_script_for_s3(arguments: Sequence[str], place: Path) -> list[str]:
    """The same for a lake in an S3 server that asks for no signature."""
    lake = _option(arguments, "--lake").removeprefix("s3://")
    root = f"{os.environ['AWS_ENDPOINT_URL_S3']}/{lake}"
    files = _files(arguments, "")
    words = [word for key, data in files.items() for word in (f"{root}/{key}", data.decode())]
    return [sys.executable, "-I", "-S", "-c", _PUT_FILES, *words]


def _files(arguments: Sequence[str], error: str) -> dict[str, bytes]:
    """By key, a folder's result, and unless it failed, its publication record."""
    folder, run_id = arguments[-1], _option(arguments, "--run-id")
    totals = StructureTotals(documents=2, rows=2)
    failure = Failure("Refused") if error else None
    result = FolderStructured(folder, run_id, totals, error=error, failure=failure)
    record = PublicationRecord(folder, run_id, PUBLISHED, "copy", "digest", "1", [], [], [], totals)
    files = {result_key(folder, run_id): result.to_json()}
    return files if error else files | {publication_record_key(folder): record.to_json()}


def _option(arguments: Sequence[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def local_spark_submit(arguments: Sequence[str], place: Path) -> list[str]:
    """The same submission to Spark on this machine, with the packaged code."""
    submit = Path(sys.executable).with_name("spark-submit")
    here = ["--master", "local[1]", "--driver-java-options", _SHORT_LIVED]
    quiet = ["--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"]
    kept = [_fetched(argument, place) for argument in _kept(arguments[1:])]
    return [str(submit), *here, *quiet, *kept]


def _kept(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments without those that only a YARN cluster supports."""
    rest = iter(arguments)
    for argument in rest:
        if argument in _OF_CLUSTERS:
            next(rest)
        else:
            yield argument


def _fetched(argument: str, place: Path) -> str:
    """A packaged file's local path; EMR's Spark reads it from S3 itself."""
    if not argument.startswith("s3://") or not argument.endswith((".py", ".zip")):
        return argument
    root, _, name = argument.rpartition("/")
    (place / name).write_bytes(open_store(root).get(name).data)
    return str(place / name)
