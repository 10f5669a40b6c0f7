"""Executors that fit the cluster they are sized for."""

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.sizing import (
    CLIENT_MODE_MASTER_MB,
    INSTANCE_TYPES,
    ClusterShape,
    SparkSizing,
    size_for,
)

C5, R5 = "c5.4xlarge", "r5.2xlarge"
DEFAULT = ClusterShape(R5, C5, 2)


def container_mb(sizing: SparkSizing) -> int:
    """What YARN gives an executor: heap and overhead."""
    return sizing.heap_mb + sizing.overhead_mb


def test_the_default_cluster_in_client_mode() -> None:
    sizing = size_for(DEFAULT, cluster_mode=False)
    assert (sizing.executors, sizing.cores) == (6, 5)
    assert (sizing.heap_mb, sizing.overhead_mb, sizing.driver_mb) == (4608, 3200, 16_384)
    assert sizing.partitions == 90


def test_the_default_cluster_in_cluster_mode() -> None:
    """One of the six containers is the driver's."""
    sizing = size_for(DEFAULT)
    assert (sizing.executors, sizing.cores) == (5, 5)
    assert (sizing.heap_mb, sizing.overhead_mb, sizing.driver_mb) == (4992, 3200, 4992)
    assert sizing.partitions == 75


def test_the_hand_run_asked_for_eight_times_what_it_had() -> None:
    """It multiplied a node's executors by its vCPUs instead of by the nodes."""
    node, nodes = INSTANCE_TYPES[C5], 2
    hand_run = 3 * node.vcpu - 1
    assert hand_run == 47
    assert hand_run * 8 > 7 * node.yarn_mb * nodes / 1024
    assert size_for(ClusterShape(R5, C5, nodes)).executors == 5


@pytest.mark.parametrize("cluster_mode", [True, False])
@pytest.mark.parametrize("nodes", [1, 2, 3, 8])
@pytest.mark.parametrize("core", INSTANCE_TYPES)
def test_what_is_asked_fits_every_node(core: str, nodes: int, cluster_mode: bool) -> None:
    node = INSTANCE_TYPES[core]
    try:
        sizing = size_for(ClusterShape(R5, core, nodes), cluster_mode)
    except UsageError:
        assert nodes == 1 or node.yarn_mb < 4000
        return
    containers = sizing.executors + (1 if cluster_mode else 0)
    on_a_node = -(-containers // nodes)
    master = 0 if cluster_mode else CLIENT_MODE_MASTER_MB
    assert on_a_node * container_mb(sizing) + master <= node.yarn_mb
    assert on_a_node * sizing.cores < node.vcpu


def test_concurrent_steps_share_the_cluster() -> None:
    both = size_for(DEFAULT, concurrent_steps=2)
    assert 2 * (both.executors + 1) * container_mb(both) <= 2 * INSTANCE_TYPES[C5].yarn_mb
    with pytest.raises(UsageError, match=r"do not fit 2 x c5.4xlarge"):
        size_for(DEFAULT, concurrent_steps=4)


def test_no_setting_stops_java_17() -> None:
    for cluster_mode in (True, False):
        config = size_for(DEFAULT, cluster_mode).spark_config()
        assert not [name for name in config if "JavaOptions" in name]
        assert "spark.storage.level" not in config
        assert config["spark.executor.memory"] in {"4608m", "4992m"}


@pytest.mark.parametrize("core", ["c6i.4xlarge", "c7g.4xlarge"])
def test_newer_types_of_32_gib_leave_yarn_less_than_c5(core: str) -> None:
    """As AWS's table has it for c6g.4xlarge and c5a.4xlarge."""
    sizing = size_for(ClusterShape(R5, core, 2))
    assert 3 * container_mb(sizing) <= 23_424


def test_an_unknown_instance_type_gets_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"x9.large is not in the sizing table"):
        size_for(ClusterShape(R5, "x9.large", 2))
