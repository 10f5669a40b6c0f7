"""Deployments of ``deploy init`` for tests."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from checkout_assets.assets.migration import POOL
from checkout_assets.engines.deploying.choices import DeployChoices
from checkout_assets.engines.deploying.files import DeployedFile, Deployment, deployed_files
from checkout_assets.engines.locations import S3Location

HOME = Path("/srv/checkout-assets")
PROGRAMS = Path("/opt/checkout-assets/bin")


def deployment(
    directory: Path = HOME,
    programs: Path = PROGRAMS,
    settings: Mapping[str, str] | None = None,
    aws: Mapping[str, str] | None = None,
    **choices: Any,
) -> Deployment:
    """A deployment with these choices."""
    return Deployment(
        directory,
        programs,
        DeployChoices(**{"database_host": "db.internal", **choices}),
        S3Location("logs", "dagster/"),
        settings or {},
        aws or {},
        POOL,
    )


def files_of(deployed: Deployment) -> dict[str, DeployedFile]:
    """Each file by its name."""
    return {each.name: each for each in deployed_files(deployed)}


def instance_config(**choices: Any) -> dict[str, Any]:
    """The generated dagster.yaml."""
    config = yaml.safe_load(files_of(deployment(**choices))["dagster.yaml"].text)
    assert isinstance(config, dict)
    return config


def shipped_instance(**choices: Any) -> dict[str, Any]:
    """The same without PostgreSQL and S3: Dagster uses SQLite and the home directory instead."""
    config = instance_config(**choices)
    del config["storage"], config["compute_logs"]
    return config


class SystemdUnit:
    """A systemd unit, in which a section may have a key several times."""

    def __init__(self, text: str) -> None:
        self._entries = list(_entries(text))

    def all(self, section: str, key: str) -> list[str]:
        """Every value of the key."""
        return [value for where, name, value in self._entries if (where, name) == (section, key)]

    def one(self, section: str, key: str) -> str:
        """The value of a key that occurs once."""
        (value,) = self.all(section, key)
        return value

    def keys(self) -> set[str]:
        """All keys of all sections."""
        return {name for _, name, _ in self._entries}


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            yield section, key, value
