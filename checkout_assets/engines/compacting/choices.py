"""The options of the analysts' tables, each defined once for settings, commands and resources."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.engines.option import OnCommandLine

_BYTES_PER_MB = 1_000_000


class CompactionChoices(BaseModel):
    """Where the analysts' tables are registered, and how their files are written."""

    model_config = ConfigDict(frozen=True)

    catalog: Annotated[
        str,
        OnCommandLine(
            "The Iceberg catalog: glue, the URI of a REST catalog, or sqlite:///PATH; the default "
            "for a lake on this machine is a file in the lake.",
            "CATALOG",
        ),
    ] = Field(
        "",
        description="the Iceberg catalog of the analysts' tables: glue, the http(s) URI of a REST "
        "catalog, or sqlite:///path; empty for a file in a lake that is a directory",
    )
    first_month: str = Field(
        "2010-01",
        pattern=r"^(19|20|21)\d\d-(0[1-9]|1[0-2])$",
        description="the first monthly partition of the analysts' tables, such as 2010-01; a check "
        "reports rows before it",
    )
    compacted_file_mb: int = Field(
        128,
        ge=1,
        le=512,
        description="the size in MB at which another data file of an analysts' table is begun",
    )
    snapshot_days: int = Field(
        7,
        ge=1,
        le=365,
        description="the days after which old snapshots of the analysts' tables expire, and files "
        "that no snapshot names are removed",
    )

    @property
    def compacted_file_bytes(self) -> int:
        """The size in bytes at which another data file is begun."""
        return self.compacted_file_mb * _BYTES_PER_MB


USUAL_COMPACTION = CompactionChoices()
