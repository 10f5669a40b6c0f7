"""The options of a deployment; the settings and the command derive from them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.engines.option import OnCommandLine

_LOWEST_PORT, _HIGHEST_PORT = 1024, 65535
TlsMode = Literal["disable", "prefer", "require", "verify-full"]


class DeployChoices(BaseModel):
    """The options of a deployment: database, run logs, user, concurrency and ports."""

    model_config = ConfigDict(frozen=True)

    database_host: Annotated[
        str, OnCommandLine("The host of the PostgreSQL server of Dagster.", "HOST")
    ] = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="the name or IPv4 address of the host of Dagster's PostgreSQL server",
    )
    database_port: int = Field(
        5432, ge=1, le=_HIGHEST_PORT, description="the port of Dagster's PostgreSQL server"
    )
    database_name: str = Field(
        "dagster", pattern=r"^[A-Za-z0-9_-]+$", description="the name of Dagster's database"
    )
    database_user: str = Field(
        "dagster", pattern=r"^[A-Za-z0-9_-]+$", description="the user of Dagster's database"
    )
    database_tls: TlsMode = Field(
        "prefer",
        description="TLS to the database: disable, prefer, require or verify-full, as libpq's "
        "sslmode",
    )
    run_logs_uri: Annotated[
        str, OnCommandLine("Where Dagster keeps the output of runs: s3://bucket/prefix.", "URI")
    ] = Field("", description="where Dagster keeps the output of runs: s3://bucket/prefix")
    service_user: Annotated[
        str, OnCommandLine("The user of the services; default checkout-assets.", "NAME")
    ] = Field(
        "checkout-assets",
        pattern=r"^[a-z_][a-z0-9_-]{0,30}$",
        description="the user of this host as whom the services and all runs run",
    )
    concurrent_runs: Annotated[
        int,
        OnCommandLine("How many runs may launch machines at once: 1 to 100; default 16.", "N"),
    ] = Field(16, ge=1, le=100, description="how many runs may launch machines at once")
    ui_port: int = Field(
        3000, ge=_LOWEST_PORT, le=_HIGHEST_PORT, description="the local port of Dagster's UI"
    )
    code_server_port: int = Field(
        4000, ge=_LOWEST_PORT, le=_HIGHEST_PORT, description="the local port of the code server"
    )
