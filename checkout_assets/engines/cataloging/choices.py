"""The options of the plain tables in Glue, each defined once for settings and commands."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.engines.option import OnCommandLine


class PlainTableChoices(BaseModel):
    """Where the plain tables are registered."""

    model_config = ConfigDict(frozen=True)

    plain_database: Annotated[
        str,
        OnCommandLine(
            "The Glue database of the plain tables; default consumable_tables.",
            "NAME",
            name="database",
        ),
    ] = Field(
        "consumable_tables",
        pattern=r"^[a-z0-9_]{1,255}$",
        description="the Glue database of the plain tables, in lower-case letters, digits and _",
    )
