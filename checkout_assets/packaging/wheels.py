"""Downloading wheels for another machine, Amazon Linux 2023, with pip."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError

GLIBC_MINOR = 34
"""Amazon Linux 2023, and so EMR 7, has glibc 2.34."""
_OLDEST_GLIBC_MINOR = 17
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NOT_FOUND = re.compile(r"No matching distribution found for (\S+)")
_OTHER_BYTES = re.compile(r"DO NOT MATCH THE HASHES.*?\n\s*(\S+==\S+) from", re.DOTALL)


class MissingWheelError(UsageError):
    """A library has no wheel for the platform."""


@dataclass(frozen=True, slots=True)
class Platform:
    """An instance's processor and Python version."""

    architecture: str
    """``x86_64`` or ``arm64``, as AWS writes it."""
    python: str
    """For example ``3.11``."""

    @property
    def tags(self) -> list[str]:
        """The platform tags of compatible wheels, newest first."""
        machine = {"arm64": "aarch64"}.get(self.architecture, self.architecture)
        minors = range(GLIBC_MINOR, _OLDEST_GLIBC_MINOR - 1, -1)
        return [*(f"manylinux_2_{minor}_{machine}" for minor in minors), f"manylinux2014_{machine}"]

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture} Linux with glibc 2.{GLIBC_MINOR}"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel file; its properties come from its name."""

    path: Path

    @property
    def distribution(self) -> str:
        """Its name, in the index's spelling."""
        return self.path.name.split("-")[0].replace("_", "-").lower()

    @property
    def version(self) -> str:
        """Its version."""
        return self.path.name.split("-")[1]

    @property
    def platform_tags(self) -> list[str]:
        """For example ``manylinux_2_28_x86_64``; none if it runs everywhere."""
        return [tag for tag in self.path.stem.split("-")[-1].split(".") if "linux" in tag]


def requirement_name(requirement: str) -> str:
    """The library's name in a requirement such as ``boto3>=1.40``."""
    match = _NAME.match(requirement)
    return match[0].lower().replace("_", "-") if match else ""


def download_wheels(lock: Path, platform: Platform, directory: Path) -> Sequence[Wheel]:
    """Download the wheels that a lock names into ``directory``, and check their hashes.

    Raises MissingWheelError if a library has no wheel for the platform.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--implementation=cp", "--python-version", platform.python]
    for tag in platform.tags:
        command += ["--platform", tag]
    asked = subprocess.run(
        [*command, "--no-deps", "--require-hashes", "--dest", directory, "--requirement", lock],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        raise MissingWheelError(_explain(asked.stderr, platform))
    return [Wheel(path) for path in sorted(directory.glob("*.whl"))]


def last_line(told: str) -> str:
    """The last line of pip's output, made displayable."""
    return displayable((told.strip().splitlines() or ["no reason given"])[-1])


def _explain(told: str, platform: Platform) -> str:
    if missing := _NOT_FOUND.search(told):
        return (
            f"No wheel of {displayable(missing[1])} for {platform} was found in the package index: "
            "check that the index can be reached and has this release, or run make lock."
        )
    if changed := _OTHER_BYTES.search(told):
        return (
            f"{displayable(changed[1])} for {platform} has other bytes than its lock says: find "
            "out who changed it before you trust the package index."
        )
    return f"pip could not download the wheels for {platform}: {last_line(told)}"
