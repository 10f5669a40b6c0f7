"""Structuring that waits while documents are read, so that tests can interrupt it there."""

import threading

from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.spark_process import SparkProcess


class HeldS3:
    """An S3 that does not answer requests for documents until released; others pass."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.endpoint_url = proxy.endpoint_url
        self.reached, self.release = threading.Event(), threading.Event()
        proxy.rule = self._hold

    def _hold(self, request: Request) -> None:
        if request.method == "GET" and "/id/" in request.path:
            self.reached.set()
            self.release.wait(240)


def launcher_starts(process: SparkProcess, _: HeldS3) -> bool:
    """Whether Spark's launcher, which starts Java, or Java itself runs."""
    return process.runs("org.apache.spark.launcher.Main") or java_starts(process, _)


def java_starts(process: SparkProcess, _: HeldS3) -> bool:
    """Whether Java runs."""
    return process.runs("org.apache.spark.deploy.SparkSubmit")


def documents_are_read(_: SparkProcess, held: HeldS3) -> bool:
    """Whether a task waits for a document."""
    return held.reached.is_set()
