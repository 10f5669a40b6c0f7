"""How many Spark executors fit a cluster, and how large they are, by instance type.

``per_node = (vcpu - 1) // cores`` executors share a node, one vCPU is left to its daemons.
``container = (yarn_mb - application_master_mb) / per_node``, rounded down to YARN's increment.
``overhead = cores * PYTHON_WORKER_MB + JVM_OWN_MB``: documents are conformed in Python, one worker
process per core, and YARN counts those workers as the container's overhead.
``heap = container - overhead``; ``instances = per_node * nodes``, less one in cluster mode, where
the driver takes a container of the same size.

Sources: Spark 3.5's "Running on YARN" (memoryOverhead, the application master's size) and
"Configuration"; Amazon's "Hadoop: task configuration" for each node's YARN memory.

No Java options are set: with those of Java 8 (``PrintGCDateStamps``, ``G1SummarizeConcMark``) the
Java 17 of EMR 7 does not start. YARN's check of physical memory stays on, so a job that exceeds its
container fails with a message instead of freezing the node.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from checkout_assets.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class InstanceType:
    """A node's vCPUs, its memory in MB, and the part of it that YARN allocates, in MB."""

    vcpu: int
    memory_mb: int
    yarn_mb: int


INSTANCE_TYPES: Mapping[str, InstanceType] = MappingProxyType(
    {
        "c5.2xlarge": InstanceType(8, 16_384, 12_288),
        "c5.4xlarge": InstanceType(16, 32_768, 24_576),
        "c5.9xlarge": InstanceType(36, 73_728, 65_536),
        "c6i.4xlarge": InstanceType(16, 32_768, 23_424),
        "c7g.4xlarge": InstanceType(16, 32_768, 23_424),
        "m5.xlarge": InstanceType(4, 16_384, 12_288),
        "m5.2xlarge": InstanceType(8, 32_768, 24_576),
        "m5.4xlarge": InstanceType(16, 65_536, 57_344),
        "r5.xlarge": InstanceType(4, 32_768, 24_576),
        "r5.2xlarge": InstanceType(8, 65_536, 57_344),
        "r5.4xlarge": InstanceType(16, 131_072, 122_880),
    }
)
"""As of 2026-11. Amazon's table lacks c6i and c7g; they have the values of c6g and c5a. For other
types pass your own InstanceType; ``yarn node -list -showDetails`` on the primary node shows what a
running node has."""

CORES_PER_EXECUTOR = 5
PYTHON_WORKER_MB = 560
"""Memory of a worker that conforms and writes one task: 500 MB and an eighth."""
JVM_OWN_MB = 400
CLIENT_MODE_MASTER_MB = 896
"""Memory of the application master in client mode: 512 MB and Spark's minimum overhead."""
CLIENT_DRIVER_MB = 16 * 1024
MOST_OF_PRIMARY = 4
"""A driver in client mode takes at most a quarter of the primary node's memory."""
TASKS_PER_CORE = 3
"""Spark's "Tuning" recommends 2 to 3: slow tasks then do not leave cores idle."""
LEAST_HEAP_MB = 1024
YARN_INCREMENT_MB = 128


@dataclass(frozen=True, slots=True)
class SparkSizing:
    """The resources that one Spark job requests of a cluster; memory in MB.

    ``overhead_mb`` is also the driver's in cluster mode. ``partitions`` is the number of shuffle
    partitions.
    """

    executors: int
    cores: int
    heap_mb: int
    overhead_mb: int
    driver_mb: int
    partitions: int
    cluster_mode: bool

    def spark_config(self) -> dict[str, str]:
        """The same as Spark settings."""
        driver = {"spark.driver.memory": f"{self.driver_mb}m"}
        if self.cluster_mode:
            driver["spark.driver.cores"] = str(self.cores)
            driver["spark.driver.memoryOverhead"] = f"{self.overhead_mb}m"
        return {
            "spark.dynamicAllocation.enabled": "false",
            "spark.executor.instances": str(self.executors),
            "spark.executor.cores": str(self.cores),
            "spark.executor.memory": f"{self.heap_mb}m",
            "spark.executor.memoryOverhead": f"{self.overhead_mb}m",
            **driver,
            "spark.default.parallelism": str(self.partitions),
            "spark.sql.shuffle.partitions": str(self.partitions),
            # A task that ran twice would stage its files twice.
            "spark.speculation": "false",
            # YARN would start a failed folder again with the same run id.
            "spark.yarn.maxAppAttempts": "1",
        }


def instance_type(name: str) -> InstanceType:
    """The entry of INSTANCE_TYPES; raises UsageError for an unknown type."""
    if name not in INSTANCE_TYPES:
        known = ", ".join(INSTANCE_TYPES)
        raise UsageError(
            f"The instance type {name} is not in the sizing table ({known}): choose one of these, "
            "or set the Spark settings yourself (spark_config)."
        )
    return INSTANCE_TYPES[name]


@dataclass(frozen=True, slots=True)
class ClusterShape:
    """A primary node and ``nodes`` core nodes, by their instance types' names."""

    primary: str
    core: str
    nodes: int


def size_for(
    shape: ClusterShape, cluster_mode: bool = True, concurrent_steps: int = 1
) -> SparkSizing:
    """The sizing of each of ``concurrent_steps`` jobs that share the cluster.

    Raises UsageError if not even one executor fits beside its driver.
    """
    node = instance_type(shape.core)
    cores = min(CORES_PER_EXECUTOR, max(node.vcpu - 1, 1))
    per_node = max((node.vcpu - 1) // cores, 1)
    master = 0 if cluster_mode else CLIENT_MODE_MASTER_MB * concurrent_steps
    container = _rounded_down((node.yarn_mb - master) // per_node)
    overhead = _rounded_up(cores * PYTHON_WORKER_MB + JVM_OWN_MB)
    heap = container - overhead
    executors = per_node * shape.nodes // concurrent_steps - (1 if cluster_mode else 0)
    if heap < LEAST_HEAP_MB or executors < 1:
        raise UsageError(
            f"{concurrent_steps} Spark jobs at a time do not fit {shape.nodes} x {shape.core}: "
            "take more or larger core nodes, or fewer concurrent steps."
        )
    return SparkSizing(
        executors=executors,
        cores=cores,
        heap_mb=heap,
        overhead_mb=overhead,
        driver_mb=heap if cluster_mode else _client_driver(shape.primary, concurrent_steps),
        partitions=executors * cores * TASKS_PER_CORE,
        cluster_mode=cluster_mode,
    )


def _client_driver(primary: str, concurrent_steps: int) -> int:
    share = instance_type(primary).memory_mb // MOST_OF_PRIMARY // concurrent_steps
    return min(CLIENT_DRIVER_MB, _rounded_down(share))


def _rounded_down(megabytes: int) -> int:
    return megabytes // YARN_INCREMENT_MB * YARN_INCREMENT_MB


def _rounded_up(megabytes: int) -> int:
    return -(-megabytes // YARN_INCREMENT_MB) * YARN_INCREMENT_MB
