"""Command-line options generated from the definitions of the settings."""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from checkout_assets.engines.option import OnCommandLine
from checkout_assets.settings import Settings, variable_of

ComparingRole = Annotated[
    str | None,
    typer.Option(
        "--copy-role-arn",
        metavar="ARN",
        help="Assume this role for source and raw. [env: CHECKOUT_COPY_ROLE_ARN, with "
        "CHECKOUT_RECONCILE_WITH_COPY_ROLE=true]",
        show_default=False,
    ),
]
COMPARING_OPTIONS = (
    "source_uri",
    "raw_uri",
    "lake_uri",
    "source_account",
    "raw_account",
    "requester_pays",
)
"""The settings that comparing commands offer as options, besides the role."""


def comparing_settings(role: str | None, **given: object) -> Settings:
    """The settings of a command that compares, with this role if it is given."""
    as_role = True if role else None
    return settings_with(copy_role_arn=role, reconcile_with_copy_role=as_role, **given)


def settings_with(**given: object) -> Settings:
    """The settings of the environment, overridden by the given options."""
    return Settings(**{name: value for name, value in given.items() if value is not None})


def check_fleet_options(settings: Settings) -> None:
    """Raise UsageError if an option of EC2 or EMR is invalid."""
    from checkout_assets.engines.ec2.options import Ec2Options
    from checkout_assets.engines.emr.options import EmrChoices
    from checkout_assets.resources.engines import parse_options

    parse_options(Ec2Options, "EC2", settings.ec2)
    parse_options(EmrChoices, "EMR", settings.emr)


def settings_options(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add the options of these settings to a command.

    The command gets their values, None if not given, as the mapping ``given``. Settings without an
    option are left out. A parameter whose type is a dataclass becomes one option per field.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        options = {name: told for name in names if (told := _parameter(name))}
        own = inspect.signature(command).parameters
        groups = {name: _fields(each.annotation) for name, each in own.items()}
        parameters = [
            each
            for name, parameter in own.items()
            for each in (options.values() if name == "given" else groups[name] or [parameter])
        ]

        @wraps(command)
        def called(**values: Any) -> int:
            given = {name: values.pop(option.name) for name, option in options.items()}
            grouped = {
                name: own[name].annotation(**{each.name: values.pop(each.name) for each in group})
                for name, group in groups.items()
                if group
            }
            return command(given=given, **grouped, **values)

        del called.__wrapped__
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        return called

    return decorate


def _fields(kind: Any) -> list[inspect.Parameter]:
    """The parameters for the fields of a dataclass; none for any other type."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(each.name, keyword, default=each.default, annotation=each.type)
        for each in (fields(kind) if is_dataclass(kind) else ())
    ]


def _parameter(name: str) -> inspect.Parameter | None:
    field = Settings.model_fields[name]
    for told in field.metadata:
        if isinstance(told, OnCommandLine):
            return inspect.Parameter(
                told.name or name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=_annotation(name, field, told),
            )
    return None


def _annotation(name: str, field: FieldInfo, told: OnCommandLine) -> Any:
    option = typer.Option(
        f"--{(told.name or name).replace('_', '-')}",
        metavar=told.metavar,
        help=f"{told.told} [env: {variable_of(name)}]",
        show_default=False,
    )
    kind: Any = field.annotation if field.annotation in {bool, int} else str
    return Annotated[kind | None, option]
