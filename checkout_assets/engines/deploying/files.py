"""The content of a deployment's files, from its configuration; nothing is written here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.deploying.choices import DeployChoices
from checkout_assets.engines.locations import S3Location
from spark_jobs.stores.file_uris import is_file_uri

if TYPE_CHECKING:
    from jinja2 import Environment

MARK = "# Made by checkout-assets deploy init"
"""The first line of each file."""

PASSWORD_VARIABLE = "CHECKOUT_DATABASE_PASSWORD"
EVENT_BATCH = {"DAGSTER_EVENT_BATCH_SIZE": "100"}
"""How many events Dagster stores together at most; by itself it stores them one by one."""

_HERE = "checkout_assets.engines.deploying"
_LOOPBACK = "127.0.0.1"
_OTHER_RUNS = 4
"""Runs beside those that launch machines: reconciliations, plans, grants."""

_SERVICES = ("code-server", "daemon", "webserver")
_FOR_ALL, _FOR_OWNER = 0o644, 0o600
_SAFE_PATH = re.compile(r"/[A-Za-z0-9._/@+-]*")
"""A path without special characters in a systemd unit, in YAML or in a shell."""

_AWS_PATHS = (
    "AWS_CONFIG_FILE|AWS_SHARED_CREDENTIALS_FILE|AWS_CA_BUNDLE|AWS_WEB_IDENTITY_TOKEN_FILE"
    "|REQUESTS_CA_BUNDLE"
)
_AWS_VARIABLES = re.compile(
    "AWS_(DEFAULT_)?REGION|AWS_PROFILE|AWS_ENDPOINT_URL(_[A-Z0-9]+)?"
    "|AWS_USE_(FIPS|DUALSTACK)_ENDPOINT|AWS_METADATA_SERVICE_[A-Z_]+|AWS_EC2_METADATA_DISABLED"
    f"|AWS_MAX_ATTEMPTS|AWS_RETRY_MODE|AWS_ROLE_(ARN|SESSION_NAME)|{_AWS_PATHS}"
)
"""AWS variables that cannot be secrets. All others may be, for example a proxy's address."""

_AWS_DEFAULTS = {"AWS_METADATA_SERVICE_TIMEOUT": "5", "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3"}
"""Instance metadata may return credentials late; by default AWS's libraries wait 1 s, once."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The configuration of a deployment.

    ``directory`` is DAGSTER_HOME, ``programs`` the directory of Dagster's programs, both absolute.
    ``settings`` are the CHECKOUT_* variables of the services, ``aws`` the AWS variables, of which
    possible secrets are not written. ``pool`` is the pool of the runs that launch machines.
    ``paths`` are the settings, by variable, that may name a file or a directory of this machine.
    ``secrets`` are the names of settings that may hold secrets and are not in ``settings``.
    """

    directory: Path
    programs: Path
    choices: DeployChoices
    logs: S3Location
    settings: Mapping[str, str]
    aws: Mapping[str, str]
    pool: str
    paths: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.choices.database_host:
            raise UsageError(
                "No database was given: use --database-host HOST or set CHECKOUT_DATABASE_HOST."
            )
        for path in (self.directory, self.programs):
            if not _SAFE_PATH.fullmatch(str(path)):
                raise UsageError(
                    f"The path {displayable(str(path))} cannot stand in a unit of systemd: use one "
                    "with letters, digits and . _ / @ + - only."
                )
        for name, opened in self._opened_by_services():
            _refuse_relative(name, opened)

    @property
    def withheld(self) -> list[str]:
        """The names of the variables that are not written, because they may hold secrets."""
        return sorted([*self.secrets, *(name for name in self.aws if not self._is_written(name))])

    def variables(self) -> list[tuple[str, str]]:
        """The environment of the services, without secrets."""
        named = {name: value for name, value in self.aws.items() if self._is_written(name)}
        aws = sorted({**_AWS_DEFAULTS, **named}.items())
        dagster = {"DAGSTER_HOME": str(self.directory), **EVENT_BATCH}
        return [*dagster.items(), *aws, *sorted(self.settings.items())]

    def _opened_by_services(self) -> Iterator[tuple[str, str]]:
        yield from self.paths.items()
        for name, path in sorted(self.aws.items()):
            if re.fullmatch(_AWS_PATHS, name) and path:
                yield name, path

    def _is_written(self, name: str) -> bool:
        """Whether the AWS variable is written: a URL may contain a password before its host."""
        return bool(_AWS_VARIABLES.fullmatch(name)) and "@" not in self.aws[name]


def _refuse_relative(name: str, path: str) -> None:
    """Raise UsageError if what a variable names depends on the directory or the user."""
    if not path.startswith("/") and "://" not in path and not is_file_uri(path):
        raise UsageError(
            f'{name} is "{displayable(path)}", which the services would not find: they run in '
            "another directory and as another user. Write an absolute path."
        )


@dataclass(frozen=True, slots=True)
class DeployedFile:
    """A file of the deployment; a file with ``is_kept`` is written once and never replaced."""

    name: str
    text: str
    mode: int = _FOR_ALL
    is_kept: bool = False


def deployed_files(deployment: Deployment) -> Iterator[DeployedFile]:
    """All files of the deployment."""
    pages = _templates()
    values = {
        "choices": deployment.choices,
        "directory": str(deployment.directory),
        "programs": str(deployment.programs),
        "logs": deployment.logs,
        "variables": deployment.variables(),
        "services": [f"checkout-assets-{name}.service" for name in _SERVICES],
        "password_variable": PASSWORD_VARIABLE,
        "loopback": _LOOPBACK,
        "pool": deployment.pool,
        "other_runs": _OTHER_RUNS,
    }

    def made(name: str, mode: int = _FOR_ALL, is_kept: bool = False) -> DeployedFile:
        text = pages.get_template(f"{Path(name).name}.j2").render(values)
        return DeployedFile(name, f"{MARK}.\n{text}", mode, is_kept)

    yield made("dagster.yaml")
    yield made("workspace.yaml")
    yield made("environment", _FOR_OWNER)
    yield made("secrets.env", _FOR_OWNER, is_kept=True)
    yield made("systemd/checkout-assets.target")
    for name in _SERVICES:
        yield made(f"systemd/checkout-assets-{name}.service")


def _templates() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    directory = resources.files(_HERE) / "templates"
    environment = Environment(
        autoescape=False,  # not markup: paths are checked, and filters quote the other values
        loader=FunctionLoader(lambda name: directory.joinpath(name).read_text("utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = _quoted
    return environment


def _quoted(value: str) -> str:
    """Quote the value so that a shell and systemd read it alike."""
    escaped = re.sub(r'(["\\`$])', r"\\\1", value)
    return f'"{escaped}"'
