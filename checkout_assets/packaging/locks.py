"""``python -m checkout_assets.packaging.locks``: write the locks of all installations.

A lock names one release of every package that a set of requirements needs, with the SHA-256 of each
of its files, so that exactly the tested releases are installed. uv resolves it for every Python and
platform at once; only pip installs it.
"""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout_assets.packaging.wheels import requirement_name

SPARK_LIBRARIES = frozenset({"awscrt", "boto3", "orjson", "pyarrow"})
"""The libraries that ``spark_jobs`` imports besides pyspark, which the cluster has."""
WORKER_LIBRARIES = SPARK_LIBRARIES | {"pydantic", "pydantic-settings", "rich", "typer"}
"""The libraries that ``checkout-assets copy`` imports, without Dagster and Spark (600 MB)."""

LOCKS = Path("locks")
"""The directory of the locks in a checkout."""
OLDEST_PYTHON = "3.11"
"""The oldest Python that the platform supports."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A set of requirements that is installed together."""

    name: str
    extra: str = ""
    """The project's extra whose requirements it has, including the extras in it."""
    is_whole: bool = False
    """Whether it also has the requirements of those extras, and the project's own."""
    libraries: frozenset[str] = frozenset()
    """If it is not for an extra: the names of the project's own requirements that it has."""
    python: str = ""
    """The only Python version, on Linux, that it is for; empty for all supported ones."""

    @property
    def path(self) -> Path:
        """Its path in a checkout."""
        return LOCKS / f"{self.name}.txt"


ALL = Lock("test", "test", is_whole=True)
"""The lock of everything: other locks have the same releases."""
SPARK = {
    python: Lock(f"spark-py{python}", libraries=SPARK_LIBRARIES, python=python)
    for python in ("3.9", "3.11")
}
WORKER = {"3.11": Lock("worker-py3.11", libraries=WORKER_LIBRARIES, python="3.11")}
LOCKED = (
    ALL,
    *(Lock(extra, extra, is_whole=True) for extra in ("demo", "production")),
    *(Lock(extra, extra) for extra in ("browser", "servers", "bench")),
    *SPARK.values(),
    *WORKER.values(),
)


def make_locks(root: Path, upgrade: bool) -> None:
    """Write the locks of the checkout at ``root``.

    Locked releases that are still allowed stay, unless ``upgrade``. Raises CalledProcessError if uv
    finds no compatible set of releases.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    for lock in LOCKED:
        command = [sys.executable, "-m", "uv", "pip", "compile", *_options(lock)]
        command += ["--upgrade"] if upgrade else []
        asked = "\n".join(_requirements(project, lock))
        subprocess.run(command, cwd=root, input=asked, text=True, check=True)


def _requirements(project: dict[str, Any], lock: Lock) -> Iterator[str]:
    """The requirements by name, besides the whole project."""
    if lock.libraries:
        yield from (
            each for each in project["dependencies"] if requirement_name(each) in lock.libraries
        )
    elif not lock.is_whole:
        extra = project["optional-dependencies"][lock.extra]
        yield from (each for each in extra if requirement_name(each) != project["name"])


def _options(lock: Lock) -> Iterator[str]:
    yield from ("--quiet", "--generate-hashes", "--no-emit-index-url")
    yield from ("--custom-compile-command", "make lock", "--output-file", str(lock.path))
    yield from ("pyproject.toml", "--extra", lock.extra) if lock.is_whole else ("-",)
    yield from ("--python-version", lock.python or OLDEST_PYTHON)
    yield from ("--python-platform", "linux") if lock.python else ("--universal",)
    if lock is not ALL and lock.python in {"", OLDEST_PYTHON}:
        yield from ("--constraints", str(ALL.path))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the locks; uv's exit code if it finds none."""
    parser = argparse.ArgumentParser(prog="python -m checkout_assets.packaging.locks")
    parser.add_argument("--upgrade", action="store_true", help="take the newest releases allowed")
    root = Path(__file__).resolve().parents[2]
    (root / LOCKS).mkdir(exist_ok=True)
    try:
        make_locks(root, parser.parse_args(arguments).upgrade)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
