"""The settings of the platform; the only module that reads the environment.

AWS's own variables (credentials, region, endpoint) are read by AWS's libraries; values that those
would misread are rejected first (``engines.aws_variables``).
"""

import json
import os
import re
from collections.abc import Container, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from checkout_assets.domain.copying import parse_as_of
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.odd_characters import odd_characters
from checkout_assets.engines.access.choices import AccessChoices, GrantChoices
from checkout_assets.engines.alerts.options import AlertOptions
from checkout_assets.engines.cataloging.choices import PlainTableChoices
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.copying.choices import CopyChoices
from checkout_assets.engines.deploying.choices import DeployChoices
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.engines.option import MayBePath, OnCommandLine
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.engines.planning.choices import BudgetChoices
from checkout_assets.engines.reconciling.choices import AllowanceChoices
from checkout_assets.engines.structuring.choices import StructureChoices

ENVIRONMENT_PREFIX = "CHECKOUT_"


class Settings(
    PlaceTerms,
    CopyChoices,
    StructureChoices,
    AllowanceChoices,
    CompactionChoices,
    PlainTableChoices,
    BudgetChoices,
    AccessChoices,
    GrantChoices,
    DeployChoices,
    BaseSettings,
):
    """Each field is the variable ``CHECKOUT_<FIELD>``; raises UsageError for a wrong value.

    The fields of places, copying, structuring and access are inherited: the command line and the
    resources use the same definitions. Options of EC2, EMR and alerts also have variables of their
    own, such as ``CHECKOUT_EC2_<OPTION>``.
    """

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let an option's own variable take precedence over the JSON of all options."""
        options = InitSettingsSource(settings_cls, _options_in_own_variables())
        return (init_settings, options, env_settings, dotenv_settings, file_secret_settings)

    reconcile_with_copy_role: bool = Field(
        False, description="compare source and raw as the copy role"
    )
    listing_days: int = Field(
        7,
        ge=1,
        le=28,
        description="the days within which the daily reconciliation lists every folder of source "
        "and raw once; 1 lists all of them every day",
    )
    deep_read_days: int = Field(
        32,
        ge=0,
        le=512,
        description="the days within which the daily reconciliation reads every data file once; "
        "0 reads none",
    )
    repair_tries: int = Field(
        3, ge=1, description="how often the schedule repair_daily repairs a folder that stays red"
    )
    repair_folders_per_day: int = Field(
        32,
        ge=1,
        le=512,
        description="the most folders that repair_daily takes per day",
    )
    show_object_names: Annotated[
        bool,
        OnCommandLine("Show objects' names, which may be personal.", name="show_names"),
    ] = Field(
        False, description="show objects' names, which may be personal, instead of masking them"
    )
    folders_per_run: int = Field(32, ge=1, le=512, description="folders per run")
    spark_master: str = Field("local[*]", min_length=1, description="where local Spark runs")
    copy_engine: Literal["local", "ec2"] = Field(
        "local", description="where copies are requested from: local (this machine) or ec2"
    )
    ec2: dict[str, Any] = Field(
        default_factory=dict,
        description='the EC2 engine\'s options as JSON, such as {"subnets": ["subnet-0a1b2c"]}',
    )
    structure_engine: Literal["local", "emr"] = Field(
        "local",
        description="where folders are structured and, by Dagster, months compacted: local (this "
        "machine's Spark) or emr",
    )
    emr: dict[str, Any] = Field(
        default_factory=dict,
        description='the EMR engine\'s options as JSON, such as {"log_uri": "s3://bucket/logs"}',
    )
    alerts: dict[str, Any] = Field(
        default_factory=dict,
        repr=False,  # URLs may hold secrets
        description="who gets alerts as JSON, such as "
        '{"topics": ["arn:aws:sns:us-east-2:111122223333:orders"]}',
    )
    keep_spark_session: bool = Field(
        False, description="share one Spark session among the runs of this process"
    )
    instance_metadata_url: str = Field(
        "http://169.254.169.254",
        min_length=1,
        description="where an EC2 instance receives its interruption notice",
    )
    reports_url: str = Field(
        "", description="where the lake's _reports/ is served, for links from reconciliation"
    )
    runbook_url: str = Field(
        "", description="where docs/runbook.md is served, for links from checks"
    )

    def __init__(self, **values: Any) -> None:
        _refuse_renamed()
        _refuse_odd(Settings, ENVIRONMENT_PREFIX, values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UsageError(_explain(error)) from None
        except SettingsError as error:
            field = next(name for name in _OPTIONS if f'"{name}"' in str(error))
            raise UsageError(
                f"{variable_of(field)} is wrong: it is not JSON. It is "
                f"{Settings.model_fields[field].description}."
            ) from None

    @property
    def launches_machines(self) -> bool:
        """Whether instances copy or clusters structure."""
        return self.copy_engine == "ec2" or self.structure_engine == "emr"

    @property
    def comparing_role_arn(self) -> str:
        """The role that reconciling assumes for source and raw; empty for its own principal."""
        return self.copy_role_arn if self.reconcile_with_copy_role else ""

    @field_validator("as_of")
    @classmethod
    def _is_cut_off(cls, text: str) -> str:
        try:
            parse_as_of(text)
        except UsageError as error:
            raise UsageError(f"{ENVIRONMENT_PREFIX}AS_OF is wrong. {error}") from None
        return text


class MachineSettings(BaseSettings):
    """Variables of this machine that are not ours; empty if not set."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    java_home: str = Field("", description="the home of a Java 17, tried before any other")
    spark_local_dirs: str = Field("", description="where Spark may write, separated by commas")
    dagster_home: str = Field("", description="the directory of the Dagster instance")


_OPTIONS: Mapping[str, type[BaseModel]] = {
    "ec2": Ec2Options,
    "emr": EmrChoices,
    "alerts": AlertOptions,
}
"""The settings that hold options as JSON; their users validate them."""

_SECRET = ("alerts",)
"""The settings whose values are never shown."""


def _options_in_own_variables() -> dict[str, Any]:
    """The options in variables ``CHECKOUT_<SETTING>_<OPTION>``, by setting."""
    told = {name: _options_in_variables(name, model) for name, model in _OPTIONS.items()}
    return {name: options for name, options in told.items() if options}


def _options_in_variables(name: str, model: type[BaseModel]) -> dict[str, Any]:
    prefix = f"{variable_of(name)}_"
    _refuse_odd(model, prefix)
    try:
        return EnvSettingsSource(_as_settings(model), env_prefix=prefix)()
    except SettingsError as error:
        wrong = next(each for each in model.model_fields if f'"{each}"' in str(error))
        raise UsageError(
            f"{prefix}{wrong.upper()} is wrong: it is not JSON. It is "
            f"{model.model_fields[wrong].description}."
        ) from None


@cache
def _as_settings(model: type[BaseModel]) -> type[BaseSettings]:
    """The options as a model of settings; making one takes longer than reading the variables."""
    return type("Variables", (model, BaseSettings), {})


def _refuse_odd(
    model: type[BaseModel], prefix: str, replaced: Container[str] = frozenset()
) -> None:
    """Raise UsageError for invalid spaces or line breaks in a variable of the model that is used.

    Lists and mappings are not checked: they are JSON, where both are valid.
    """
    fields = {
        f"{prefix}{name}".upper(): name
        for name, field in model.model_fields.items()
        if name not in replaced and get_origin(field.annotation) not in {dict, list}
    }
    for variable, value in os.environ.items():
        if variable.upper() in fields and (odd := odd_characters(value)):
            raise UsageError(f"{variable} is wrong: it {odd}. Set it again without it.")


def variables_of(settings: Settings) -> dict[str, str]:
    """The variables with which another process has the same settings: those that are set here.

    Possible secrets, the fields with ``repr=False``, are left out: see ``secret_variables_of``.
    """
    shown = [name for name in sorted(settings.model_fields_set) if Settings.model_fields[name].repr]
    given = {variable_of(name): getattr(settings, name) for name in shown}
    return {
        variable: value if isinstance(value, str) else json.dumps(value)
        for variable, value in given.items()
    }


def secret_variables_of(settings: Settings) -> list[str]:
    """The names of the variables that are set and may hold a secret."""
    given = sorted(settings.model_fields_set)
    return [variable_of(name) for name in given if not Settings.model_fields[name].repr]


def paths_of(settings: Settings) -> dict[str, str]:
    """The values, by variable, that may name a file or a directory of this machine."""
    found = _paths_in(Settings, ENVIRONMENT_PREFIX, settings.model_dump())
    for name, options in _OPTIONS.items():
        found |= _paths_in(options, f"{variable_of(name)}_", getattr(settings, name))
    return found


def _paths_in(model: type[BaseModel], prefix: str, values: Mapping[str, Any]) -> dict[str, str]:
    may_be = [
        name
        for name, field in model.model_fields.items()
        if any(isinstance(each, MayBePath) for each in field.metadata)
    ]
    return {f"{prefix}{name}".upper(): str(values[name]) for name in may_be if values.get(name)}


def variable_of(name: str) -> str:
    """Return the environment variable of the setting of this name."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def aws_variables() -> dict[str, str]:
    """The variables that configure AWS's libraries, with their values."""
    return {name: value for name, value in os.environ.items() if _OF_AWS.fullmatch(name)}


_OF_AWS = re.compile("AWS_.+|REQUESTS_CA_BUNDLE|HTTPS?_PROXY|https?_proxy")
_RENAMED = {
    "RAW_FOLDERS_PER_RUN": "FOLDERS_PER_RUN",
    "STRUCTURED_FOLDERS_PER_RUN": "FOLDERS_PER_RUN",
}
"""Earlier variables; a run now has the same number of folders for copying and structuring."""


def _refuse_renamed() -> None:
    for before, now in _RENAMED.items():
        if ENVIRONMENT_PREFIX + before in os.environ:
            raise UsageError(
                f"{ENVIRONMENT_PREFIX}{before} is no longer a setting: remove it, and set "
                f"{ENVIRONMENT_PREFIX}{now} if you need another number than "
                f"{Settings.model_fields[now.lower()].default}."
            )


def _explain(error: ValidationError) -> str:
    """One sentence that names the first invalid variable and what it should be."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = str(first["loc"][0])
    wrong = "" if field in _SECRET else f'"{displayable(str(first["input"]))}" '
    meaning = Settings.model_fields[field].description
    return f"{variable_of(field)} is wrong: {wrong}({first['msg'].lower()}). It is {meaning}."
