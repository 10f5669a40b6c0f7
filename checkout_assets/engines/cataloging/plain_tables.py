"""Compare the two plain tables in Glue with their definitions, and write what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.cataloging.definition import (
    TableInput,
    is_kept_here,
    table_definition,
)
from checkout_assets.engines.cataloging.differences import Difference, differences, mended
from checkout_assets.engines.cataloging.glue_api import GlueApi
from checkout_assets.engines.cataloging.projection import YearFolders, projection, year_folders
from checkout_assets.engines.locations import Location, S3Location
from spark_jobs.contract.order_types import OrderType


class PlainTableState(StrEnum):
    """What has to be written of a plain table in Glue."""

    MISSING = "missing"
    DIFFERENT = "different"
    UP_TO_DATE = "up_to_date"


@dataclass(frozen=True, slots=True)
class PlainTableChange:
    """A plain table as Glue has it, None if it does not, and as it should be."""

    name: str
    found: Mapping[str, Any] | None
    wanted: TableInput
    folders: YearFolders

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What differs; nothing is listed of a table that is to be created."""
        return differences(self.found, self.wanted) if self.found is not None else ()

    @property
    def state(self) -> PlainTableState:
        """What has to be written."""
        if self.found is None:
            return PlainTableState.MISSING
        return PlainTableState.DIFFERENT if self.differences else PlainTableState.UP_TO_DATE

    @property
    def needed(self) -> bool:
        """Whether anything has to be written."""
        return self.state is not PlainTableState.UP_TO_DATE


class PlainTables:
    """The tables ``checkout`` and ``fulfillment`` of one Glue database, over a lake in S3."""

    def __init__(self, lake: S3Location, glue: GlueApi) -> None:
        self._lake = lake
        self._glue = glue

    def changes(self, now: datetime) -> Sequence[PlainTableChange]:
        """Return what would be written now, table by table; nothing is written.

        Raises UsageError for a table that this program did not make, StoreError if the lake cannot
        be listed.
        """
        return [self._change(order_type.table, now) for order_type in OrderType]

    def write(self, changes: Sequence[PlainTableChange], now: datetime) -> None:
        """Write these changes, and compare what Glue has afterwards with the definitions."""
        needed = [change for change in changes if change.needed]
        if any(change.found is None for change in needed):
            self._glue.ensure_database()
        for change in needed:
            if change.found is None:
                self._glue.create(change.wanted)
            else:
                version = str(change.found.get("VersionId") or "")
                self._glue.update(mended(change.found, change.wanted), version)
        if needed and any(change.needed for change in self.changes(now)):
            raise MigrationError(
                f"The Glue database {self._glue.database} does not keep what was written: someone "
                "else changes its tables or the lake at the same time. Run the same command again."
            )

    def _change(self, table: str, now: datetime) -> PlainTableChange:
        name = f"{self._glue.database}.{table}"
        found = self._glue.table(table)
        if found is not None and not is_kept_here(found):
            raise UsageError(
                f"{name} in Glue was not made by this command, so it stays as it is, and nothing "
                "was changed. Choose another database with --database."
            )
        folders = year_folders(self._lake.open(), table)
        projected = projection(self._lake, table, folders.years, now)
        wanted = table_definition(table, self._lake, projected)
        return PlainTableChange(name, found, wanted, folders)


def lake_for_glue(lake: Location) -> S3Location:
    """Return the lake; raises UsageError if Glue's tables cannot name it."""
    if not isinstance(lake, S3Location):
        raise UsageError(
            f"The lake {displayable(lake.uri)} is a directory, which Glue's tables cannot name: "
            "use --lake s3://bucket/prefix."
        )
    if "$" in lake.prefix:
        raise UsageError(
            f"The lake {displayable(lake.uri)} holds $, which Athena reads as the name of a "
            "partition column: use a prefix without it."
        )
    return lake
