"""A lake in S3 and a Glue that has no tables over it yet."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import boto3

from checkout_assets.engines.cataloging.glue_api import glue_api
from checkout_assets.engines.cataloging.plain_tables import (
    PlainTableChange,
    PlainTables,
    PlainTableState,
)
from checkout_assets.engines.locations import S3Location
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.local_glue import LocalGlue, OtherWriter

DATABASE = "consumable_tables"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@dataclass
class Cataloged:
    """A lake in S3 and a Glue that knows nothing of it yet."""

    lake: S3Location
    glue: LocalGlue
    now: datetime = NOW
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = boto3.client("glue", region_name="us-east-2")

    @cached_property
    def tables(self) -> PlainTables:
        return PlainTables(self.lake, glue_api(DATABASE))

    @property
    def others(self) -> OtherWriter:
        return OtherWriter(self.client)

    def table(self, name: str = "checkout") -> dict[str, Any]:
        return self.others.table(DATABASE, name)

    def changes(self) -> list[PlainTableChange]:
        return list(self.tables.changes(self.now))

    def states(self) -> list[PlainTableState]:
        return [change.state for change in self.changes()]

    def write(self) -> None:
        self.tables.write(self.changes(), self.now)

    def sets(self, **values: Any) -> None:
        """Somebody else changes the table checkout."""
        self.others.changes(DATABASE, "checkout", **values)


def new_lake(server: EmbeddedS3Server) -> S3Location:
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    server.client().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return S3Location(bucket, "some/prefix/")
