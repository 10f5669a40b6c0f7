"""Engines as resources: each gives a FolderEngine, so one can take another's place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_aws.s3 import S3Resource
from dagster_pyspark import LazyPySparkResource

from checkout_assets.engines.seam import FolderEngine
from spark_jobs.contract import KEEP

if TYPE_CHECKING:
    from checkout_assets.engines.copying.engine import FolderCopied
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder


class LocalCopyEngine(dg.ConfigurableResource["LocalCopyEngine"]):
    """Copies from this machine: it asks S3 to copy, no byte of an object passes through it."""

    source_uri: str
    raw_uri: str
    as_of: str | None = None
    folders_at_once: int = 8
    s3: dg.ResourceDependency[S3Resource]

    def engine(self) -> "FolderEngine[FolderCopied]":
        """The engine; raises UsageError if a store cannot be used."""
        from checkout_assets.engines.copying.engine import build_copy_engine

        return build_copy_engine(self.source_uri, self.raw_uri, self.as_of, self.folders_at_once)


class LocalSparkEngine(dg.ConfigurableResource["LocalSparkEngine"]):
    """Structures with a Spark session of this process, taken from dagster-pyspark.

    dagster-pyspark never stops the session it starts; this resource does when the run ends,
    unless ``keep_session`` says that the process's next run shares it.
    """

    raw_uri: str
    lake_uri: str
    vanished: str = KEEP
    keep_session: bool = False
    pyspark: dg.ResourceDependency[LazyPySparkResource]

    def engine(self) -> "FolderEngine[StructuredFolder]":
        """The engine; the session starts when it runs."""
        from checkout_assets.engines.structuring.spark_engine import LocalSparkEngine as Engine

        return Engine(self.raw_uri, self.lake_uri, self._session, self.vanished)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["LocalSparkEngine"]:
        """Stop the session at the run's end, however it ends."""
        try:
            yield self
        finally:
            if not self.keep_session:
                stop_session()

    def _session(self) -> Any:
        from checkout_assets.engines.structuring.session import use_java

        use_java()
        return self.pyspark.spark_session


def stop_session() -> None:
    """Stop this process's Spark session, if there is one."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()
