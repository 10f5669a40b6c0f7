"""The package as described by its manifest: its files, and the options for Spark."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError

MANIFEST = "manifest.json"
DEPENDENCIES_DIRECTORY = "deps"
"""The directory into which Spark unpacks the dependency archive, below a container's own."""


class Role(StrEnum):
    """The purpose of a file in the package."""

    SPARK_CODE = "spark_code"
    SPARK_SCRIPT = "spark_script"
    COMPACTION_SCRIPT = "compaction_script"
    SPARK_DEPENDENCIES = "spark_dependencies"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of the package. Its name has the start of its SHA-256, so it never changes."""

    role: Role
    name: str
    size: int
    """Bytes."""
    sha256: str
    architecture: str = ""
    """``x86_64`` or ``arm64``; empty for both."""
    python: str = ""
    """The Python version, such as ``3.11``; empty for all supported ones."""
    distributions: Mapping[str, str] = field(default_factory=dict)
    """The distributions in the file: versions by name."""
    platform_tags: Sequence[str] = ()
    """The platform tags of the wheels in the file."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What could not be packaged for an architecture, and why."""

    role: Role
    architecture: str
    reason: str


@dataclass(frozen=True, slots=True)
class Package:
    """All files of one build."""

    version: str
    """The project's version."""
    artifacts: Sequence[Artifact]
    left_out: Sequence[LeftOut] = ()

    @classmethod
    def read(cls, directory: Path) -> "Package":
        """The package in a directory; raises UsageError if there is none."""
        try:
            manifest = (directory / MANIFEST).read_bytes()
        except FileNotFoundError:
            raise UsageError(f"{directory} holds no package: run make package.") from None
        return cls.from_json(manifest, str(directory))

    @classmethod
    def from_json(cls, manifest: bytes, place: str) -> "Package":
        """The package of a manifest at ``place``; raises UsageError if it is invalid."""
        try:
            told = json.loads(manifest)
            return cls(
                told["version"],
                tuple(_artifact(one) for one in told["artifacts"]),
                tuple(LeftOut(**{**one, "role": Role(one["role"])}) for one in told["left_out"]),
            )
        except (ValueError, KeyError, TypeError):
            raise UsageError(
                f"{MANIFEST} at {displayable(place)} is not one this version wrote: run make "
                "package."
            ) from None

    def to_json(self) -> str:
        """The manifest as text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def find(self, role: Role, architecture: str = "") -> Artifact:
        """The file for a role and architecture; raises UsageError if it was not packaged."""
        for artifact in self.artifacts:
            if artifact.role == role and artifact.architecture in {"", architecture}:
                return artifact
        for absent in self.left_out:
            if (absent.role, absent.architecture) == (role, architecture):
                raise UsageError(absent.reason)
        raise UsageError(f"The package holds no {role} for {architecture}: run make package.")

    def spark_options(self, place: str, architecture: str) -> list[str]:
        """The options of spark-submit, before the script, if the package is at ``place``.

        YARN links the unpacked archive in each container's own directory; a driver has such a
        directory only in cluster mode.
        """
        dependencies = self.find(Role.SPARK_DEPENDENCIES, architecture)
        settings = {
            "spark.pyspark.python": f"/usr/bin/python{dependencies.python}",
            "spark.executorEnv.PYTHONPATH": DEPENDENCIES_DIRECTORY,
            "spark.yarn.appMasterEnv.PYTHONPATH": DEPENDENCIES_DIRECTORY,
        }
        options = [
            *("--py-files", f"{place}/{self.find(Role.SPARK_CODE).name}"),
            *("--archives", f"{place}/{dependencies.name}#{DEPENDENCIES_DIRECTORY}"),
        ]
        for name, value in settings.items():
            options += ["--conf", f"{name}={value}"]
        return options


def _artifact(told: Mapping[str, Any]) -> Artifact:
    typed = {"role": Role(told["role"]), "platform_tags": tuple(told["platform_tags"])}
    return Artifact(**{**told, **typed})
