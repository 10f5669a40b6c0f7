"""Shared arguments and options that are not settings, and the places that settings name."""

import secrets
from collections.abc import Mapping
from typing import Annotated

import typer

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.locations import (
    LocalLocation,
    Location,
    check_reachable,
    parse_location,
    parse_s3_location,
    refuse_overlap,
)
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.settings import ENVIRONMENT_PREFIX, Settings

Folders = Annotated[
    list[str] | None,
    typer.Argument(metavar="FOLDER", show_default=False, hidden=True),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else.")
]


def new_run_id() -> str:
    """Return the id of a run of this command."""
    return f"cli-{secrets.token_hex(4)}"


def usable_places(settings: Settings, *names: str, role_arn: str = "") -> dict[str, Location]:
    """The named places, after checks that they answer and are not inside one another.

    With ``role_arn``, source and raw must answer that role.
    """
    places = given_locations(settings, *names)
    refuse_overlap(places)
    check_reachable(places, role_arn=role_arn)
    return places


def existing_lake(settings: Settings) -> Location:
    """The lake, after a check that it answers; raises UsageError for a missing directory."""
    lake = usable_places(settings, "lake")["lake"]
    if isinstance(lake, LocalLocation) and not lake.path.is_dir():
        raise UsageError(f"The lake {displayable(lake.uri)} does not exist.")
    return lake


def given_locations(settings: Settings, *names: str) -> dict[str, Location]:
    """The named places with their terms, without contacting S3."""
    return {name: _place(settings, name) for name in names}


def given_places(settings: Settings, names: Mapping[str, bool]) -> tuple[str, ...]:
    """The names of the places that are configured, or required (True in ``names``)."""
    return tuple(
        name for name, required in names.items() if required or getattr(settings, f"{name}_uri")
    )


def _place(settings: Settings, name: str) -> Location:
    uri: str = getattr(settings, f"{name}_uri")
    if not uri:
        variable = f"{ENVIRONMENT_PREFIX}{name.upper()}_URI"
        raise UsageError(f"No {name} was given: use --{name} URI or set {variable}.")
    parse = parse_location if name == "lake" else parse_s3_location
    return parse(uri, name, PlaceTerms.given_by(settings).of(name))
