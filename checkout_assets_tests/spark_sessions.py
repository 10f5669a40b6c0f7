"""Spark for a test, as the command line starts it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from checkout_assets.engines.structuring.session import LocalSpark, local_spark_config

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def local_session(master: str) -> "Iterator[SparkSession]":
    """A Spark session of this process; it and its Java end with the context."""
    with closing(LocalSpark(local_spark_config(master))) as spark:
        yield spark.session()
