"""The environment that local Spark starts in: the machine's, without variables for another Spark.

A site's own Spark (its home, its defaults, a cluster's address) and options for every Java reach
Spark through environment variables. They would change or break this process's own session.
"""

import os
import sys
from pathlib import Path

from checkout_assets.engines.structuring.java import find_java
from checkout_assets.settings import MachineSettings

SPARK_CONF = Path(__file__).with_name("spark_conf")
"""Our own configuration directory, so that no other ``spark-defaults.conf`` is read."""

SHORT_LIVED_JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""A Java that works for seconds is cheaper with the plain collector, and without the optimizing
compiler."""

_FOREIGN_PREFIXES = ("SPARK_", "PYSPARK_", "_PYSPARK_", "HADOOP_", "YARN_", "HIVE_")
_FOREIGN = frozenset(("_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"))
_WANTED = frozenset(("SPARK_LOCAL_DIRS",))
"""Where Spark may write while it works; it describes the machine and not a Spark, so it stays."""


def use_java() -> Path:
    """Point Spark at this interpreter and at a Java 17, and return that Java's home.

    Removes the variables of other Sparks from this process's environment. Raises UsageError if
    there is no Java 17.
    """
    for name in list(os.environ):
        if _is_foreign(name):
            os.environ.pop(name)
    home = find_java(MachineSettings().java_home)
    os.environ.update(
        JAVA_HOME=str(home),
        SPARK_HOME=str(spark_home()),
        SPARK_CONF_DIR=str(SPARK_CONF),
        # Of the Java that only builds the command line of Spark's.
        SPARK_LAUNCHER_OPTS=SHORT_LIVED_JAVA,
        # pyspark takes the workers' interpreter from here and not from its settings.
        PYSPARK_PYTHON=sys.executable,
        # Avoid resolving this machine's host name and its user's name: either lookup may fail.
        SPARK_LOCAL_IP="127.0.0.1",
        SPARK_LOCAL_HOSTNAME="127.0.0.1",
        SPARK_USER="checkout-assets",
    )
    return home


def spark_home() -> Path:
    """Return the Spark that PySpark installs, whatever other one is installed."""
    import pyspark

    return Path(pyspark.__file__).parent


def _is_foreign(name: str) -> bool:
    return (name.startswith(_FOREIGN_PREFIXES) or name in _FOREIGN) and name not in _WANTED
