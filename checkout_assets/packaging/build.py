"""Building the package: which libraries are in which file, and what is left out of them."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from checkout_assets.domain.errors import UsageError
from checkout_assets.packaging.archives import (
    FILE_MODE,
    Member,
    files_of_wheel,
    python_sources,
    tar_archive,
    tar_gz_archive,
    zip_archive,
)
from checkout_assets.packaging.contents import MANIFEST, Artifact, LeftOut, Package, Role
from checkout_assets.packaging.locks import SPARK, WORKER
from checkout_assets.packaging.wheels import (
    MissingWheelError,
    Platform,
    Wheel,
    download_wheels,
    last_line,
)

SPARK_SCRIPTS = {
    Role.SPARK_SCRIPT: "structure_orders",
    Role.COMPACTION_SCRIPT: "compact_months",
}
SPARK_PYTHON = "3.11"
"""EMR 7.10 and later have 3.9 and 3.11 on every node; the libraries no longer support 3.9."""
WORKER_PYTHON = "3.11"
"""A package of Amazon Linux 2023."""

_AWS_SERVICES = frozenset({"s3", "sso", "sso-oidc", "sts"})
"""The services whose models the stores and the credential chain need; botocore has 400 others."""
_UNUSED_OF_PYARROW = frozenset({"include", "tests"})
"""All of its libraries are kept: their dependencies differ by release."""
_HASH_IN_NAME = 12
_SOURCES = ("checkout_assets", "spark_jobs")
_BUILD_FILES = ("pyproject.toml", "setup.py", "README.md")


def build_package(
    root: Path,
    out: Path,
    required: Sequence[str] = ("x86_64",),
    optional: Sequence[str] = (),
    spark_python: str = SPARK_PYTHON,
) -> Package:
    """Build everything from the checkout at ``root`` into ``out``, the manifest last.

    ``required`` and ``optional`` are architectures. Raises UsageError if ``root`` is not a
    checkout, and MissingWheelError if a library has no wheel for a required architecture; for an
    optional one the manifest says so. Files of the previous package in ``out`` are removed.
    """
    project = _project(root)
    writer = _Writer(out, project["version"])
    artifacts = [*_spark_code(root, writer)]
    left_out = []
    with tempfile.TemporaryDirectory() as scratch:
        builder = _PlatformBuilder(root, Path(scratch), writer)
        for architecture in (*required, *optional):
            for role, python in (
                (Role.SPARK_DEPENDENCIES, spark_python),
                (Role.WORKER, WORKER_PYTHON),
            ):
                try:
                    artifacts.append(builder.build(role, Platform(architecture, python)))
                except MissingWheelError as error:
                    if architecture in required:
                        raise
                    left_out.append(LeftOut(role, architecture, str(error)))
    package = Package(project["version"], tuple(artifacts), tuple(left_out))
    writer.finish(package)
    return package


class _Writer:
    """Writes files whose names contain their content's hash."""

    def __init__(self, out: Path, version: str) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._out = out
        self._version = version

    def write(self, role: Role, stem: str, suffix: str, data: bytes, **about: Any) -> Artifact:
        """Write a file atomically."""
        digest = hashlib.sha256(data).hexdigest()
        parts = [stem, self._version, digest[:_HASH_IN_NAME]]
        if platform := about.pop("platform", None):
            about |= {"architecture": platform.architecture, "python": platform.python}
            parts += [f"py{platform.python.replace('.', '')}", platform.architecture]
        name = "-".join(parts) + suffix
        self._replace(name, data)
        return Artifact(role, name, len(data), digest, **about)

    def finish(self, package: Package) -> None:
        """Write the manifest, and remove the files that only the previous manifest named."""
        before = set()
        with contextlib.suppress(UsageError):  # there is none, or another version wrote it
            before = {artifact.name for artifact in Package.read(self._out).artifacts}
        self._replace(MANIFEST, package.to_json().encode())
        for name in before - {artifact.name for artifact in package.artifacts}:
            (self._out / PurePosixPath(name).name).unlink(missing_ok=True)

    def _replace(self, name: str, data: bytes) -> None:
        partial = self._out / f".{name}.partial"
        partial.write_bytes(data)
        partial.replace(self._out / name)


class _PlatformBuilder:
    """Builds the files that differ by processor and Python."""

    def __init__(self, root: Path, scratch: Path, writer: _Writer) -> None:
        self._root = root
        self._scratch = scratch
        self._writer = writer

    def build(self, role: Role, platform: Platform) -> Artifact:
        """The dependency archive or the worker bundle for a platform."""
        wheels = self._download(role, platform)
        about: dict[str, Any] = {"platform": platform}
        if role is Role.WORKER:
            wheels = [*wheels, self._own_wheel()]
            members = (Member(wheel.path.name, wheel.path.read_bytes()) for wheel in wheels)
            suffix, data = ".tar", tar_archive(members)
        else:
            suffix, data = ".tar.gz", tar_gz_archive(_used_files(wheels))
        about["distributions"] = {wheel.distribution: wheel.version for wheel in wheels}
        about["platform_tags"] = tuple(sorted({t for wheel in wheels for t in wheel.platform_tags}))
        return self._writer.write(role, role.value, suffix, data, **about)

    def _download(self, role: Role, platform: Platform) -> Sequence[Wheel]:
        locks = WORKER if role is Role.WORKER else SPARK
        directory = self._scratch / f"{role}-{platform.architecture}-{platform.python}"
        directory.mkdir()
        lock = self._root / locks[platform.python].path
        return download_wheels(lock, platform, directory)

    def _own_wheel(self) -> Wheel:
        """The project's wheel, built once, from a copy: setuptools writes files beside sources."""
        built = self._scratch / "own"
        if not built.exists():
            sources = self._scratch / "sources"
            _copy_sources(self._root, sources)
            command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
            command += ["--disable-pip-version-check", "--wheel-dir", str(built), str(sources)]
            build = subprocess.run(
                command,
                # The same time for all entries, so that equal sources give an equal wheel.
                env={**os.environ, "SOURCE_DATE_EPOCH": "315532800"},
                capture_output=True,
                text=True,
                check=False,
            )
            if build.returncode != 0:
                told = last_line(build.stderr)
                raise UsageError(f"The project's own wheel could not be built: {told}")
        return Wheel(next(built.glob("*.whl")))


def _project(root: Path) -> dict[str, Any]:
    try:
        project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        raise UsageError(
            f"{root} is not a checkout of the project: it has no pyproject.toml with a project."
        ) from None
    return project


def _spark_code(root: Path, writer: _Writer) -> Iterator[Artifact]:
    sources = root / "spark_jobs"
    code = zip_archive(python_sources(sources))
    yield writer.write(Role.SPARK_CODE, "spark_jobs", ".zip", code)
    for role, name in SPARK_SCRIPTS.items():
        yield writer.write(role, name, ".py", (sources / f"{name}.py").read_bytes())


def _copy_sources(root: Path, target: Path) -> None:
    target.mkdir()
    for name in _SOURCES:
        shutil.copytree(
            root / name,
            target / name,
            ignore=shutil.ignore_patterns("__pycache__"),
            copy_function=_copy_content,
        )
    for name in _BUILD_FILES:
        _copy_content(root / name, target / name)


def _copy_content(source: str | Path, target: str | Path) -> None:
    """Copy without the source's mode and times, which differ by checkout and affect the wheel."""
    shutil.copyfile(source, target)
    Path(target).chmod(FILE_MODE)


def _used_files(wheels: Iterable[Wheel]) -> Iterator[Member]:
    """The wheels' files without those that no task needs, a quarter of the bytes."""
    for wheel in wheels:
        for member in files_of_wheel(wheel.path):
            if not _is_unused(member.path):
                yield member


def _is_unused(path: str) -> bool:
    match PurePosixPath(path).parts:
        case ("pyarrow", name, _, *_):
            return name in _UNUSED_OF_PYARROW
        case ("botocore", "data", service, _, *_):
            return service not in _AWS_SERVICES
    return False
