"""``python -m checkout_assets.packaging --out dist``: build the files for EMR and EC2."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from checkout_assets.domain.errors import UsageError
from checkout_assets.packaging.build import SPARK_PYTHON, build_package
from checkout_assets.packaging.contents import MANIFEST, Package

_ROOT = Path(__file__).resolve().parents[2]
_COMPLETE, _WRONG_USAGE = 0, 2
_MEGABYTE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the package; 2 if a wheel is missing for a platform that must be there."""
    asked = _parser().parse_args(arguments)
    required = asked.platform or ["x86_64"]
    optional = [] if asked.platform else ["arm64"]
    try:
        package = build_package(_ROOT, asked.out, required, optional, asked.spark_python)
    except UsageError as error:
        sys.stderr.write(f"Error: {error}\n")
        return _WRONG_USAGE
    sys.stdout.write("".join(f"{line}\n" for line in _summary(package, asked.out)))
    return _COMPLETE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m checkout_assets.packaging",
        description="Build what runs on EMR and EC2: the Spark job, its libraries, the worker.",
    )
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="DIRECTORY")
    parser.add_argument(
        "--platform",
        action="append",
        choices=["x86_64", "arm64"],
        help="build for this one alone, and fail if it cannot be; may be repeated. Without it, "
        "x86_64 must succeed and arm64 may be left out.",
    )
    parser.add_argument(
        "--spark-python",
        default=SPARK_PYTHON,
        choices=["3.9", "3.11"],
        help="the Python of the cluster's nodes (%(default)s)",
    )
    return parser


def _summary(package: Package, out: Path) -> list[str]:
    files = [
        f"{artifact.size / _MEGABYTE:8.1f} MB  {out / artifact.name}"
        for artifact in package.artifacts
    ]
    absent = [
        f"Left out: {one.role} for {one.architecture}. {one.reason}" for one in package.left_out
    ]
    return [*files, *absent, f"{out / MANIFEST} describes each file."]


if __name__ == "__main__":
    sys.exit(main())
