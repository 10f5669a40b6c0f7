"""``checkout-assets catalog``: keep the plain tables in a catalog that Athena reads."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from checkout_assets.cli.catalog_report import change_lines, changes_as_json, print_differences
from checkout_assets.cli.console import print_json, print_lines, say
from checkout_assets.cli.groups import add_group
from checkout_assets.cli.options import Json, existing_lake, given_locations
from checkout_assets.cli.settings_options import settings_options, settings_with
from checkout_assets.domain.errors import MigrationError

if TYPE_CHECKING:
    from checkout_assets.engines.cataloging.plain_tables import PlainTableChange, PlainTables
    from checkout_assets.settings import Settings

Yes = Annotated[
    bool, typer.Option("--yes", help="Write the changes; without it they are only shown.")
]
_EXAMPLES = """\b
Examples:
  checkout-assets catalog glue --lake s3://lake
  checkout-assets catalog glue --lake s3://lake --database orders_plain --yes
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app,
        "catalog",
        {"glue": glue},
        told="Keep the plain Parquet tables in AWS Glue, where Athena finds them.",
        examples=_EXAMPLES,
    )


@settings_options("lake_uri", "plain_database")
def glue(*, given: Mapping[str, object], yes: Yes = False, json: Json = False) -> int:
    """Create and update the tables checkout and fulfillment in AWS Glue.

    They are external tables over the lake's Parquet files, with partition projection for Athena.
    Shows the changes; only --yes writes them. Tables that this command did not make, and what
    others set on those that it made, stay as they are. Run it again when a year begins.
    """
    now = datetime.now(UTC)
    tables = _plain_tables(settings_with(**given))
    changes = _listed(tables, now, write=yes)
    needed = any(change.needed for change in changes)
    if json:
        document = changes_as_json(changes, written=yes and needed)
        print_json("catalog glue", yes or not needed, document)
    else:
        print_lines(line for change in changes for line in change_lines(change))
        print_differences(changes)
    return _told(needed, yes)


def _plain_tables(settings: "Settings") -> "PlainTables":
    from checkout_assets.engines.cataloging.glue_api import glue_api
    from checkout_assets.engines.cataloging.plain_tables import PlainTables, lake_for_glue

    lake = lake_for_glue(given_locations(settings, "lake")["lake"])
    existing_lake(settings)
    return PlainTables(lake, glue_api(settings.plain_database))


def _listed(tables: "PlainTables", now: datetime, *, write: bool) -> "Sequence[PlainTableChange]":
    from spark_jobs.stores import StoreError

    try:
        changes = tables.changes(now)
        if write:
            tables.write(changes, now)
    except StoreError as error:
        raise MigrationError(f"The lake could not be listed: {error.reason}.") from None
    return changes


def _told(needed: bool, yes: bool) -> int:
    if not needed:
        say("Nothing was changed: both tables are up to date.")
        return 0
    if yes:
        say("Written; read back and confirmed.")
        return 0
    say("Nothing was changed. Use --yes to write the changes.")
    return 1
