"""Check this machine's Dagster instance against the recommendations of the deployment guides."""

from collections.abc import Iterator

import dagster as dg

from checkout_assets.assets.migration import POOL
from checkout_assets.automation.run_launcher import HealthCheckingRunLauncher
from checkout_assets.domain.displayable import displayable, one_line
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.settling import settled
from checkout_assets.settings import MachineSettings

_SUBJECT = "Dagster"
_GUIDE = "docs/deploy/host.md"
_USUAL_RUNS = 16
_MAKE_IT = "checkout-assets deploy init writes such a dagster.yaml."
_INSTANCE = Topic(_SUBJECT, "instance", _GUIDE)
_STORAGE = Topic(_SUBJECT, "storage", _GUIDE)
_MONITORING = Topic(_SUBJECT, "run monitoring", _GUIDE)
_LAUNCHER = Topic(_SUBJECT, "run launcher", _GUIDE)


def instance_results(deployed: bool) -> Iterator[CheckResult]:
    """Check that the instance opens; if ``deployed``, also that it is configured for fleets.

    Opening an instance creates its databases, as every command of Dagster does.
    """
    yield from settled(_INSTANCE, lambda: _results(deployed))


def runs_at_a_time() -> int:
    """Return how many runs may launch machines at a time, from the instance's pool.

    Returns the number of the deployment guides if no instance sets it.
    """
    if not MachineSettings().dagster_home:
        return _USUAL_RUNS
    try:
        with dg.DagsterInstance.get() as instance:
            pools = {each.name: each.limit for each in instance.event_log_storage.get_pool_limits()}
            default = instance.get_concurrency_config().pool_config.default_pool_limit
    except Exception:  # a separate check reports what is wrong with the instance
        return _USUAL_RUNS
    return int(pools.get(POOL) or default or _USUAL_RUNS)


def _results(deployed: bool) -> Iterator[CheckResult]:
    home = MachineSettings().dagster_home
    if not home:
        yield _without_home(deployed)
        return
    try:
        instance = dg.DagsterInstance.get()
    except Exception as error:  # a storage's driver may raise anything
        reason = one_line(str(error)) or type(error).__name__
        yield _INSTANCE.failed(
            f"The instance in {displayable(home)} cannot be opened: {reason}",
            "Set DAGSTER_HOME to the absolute path of a directory that exists, and correct the "
            "dagster.yaml in it.",
        )
        return
    with instance:
        yield _INSTANCE.ok(f"the instance in {displayable(home)} opens")
        if deployed:
            yield from _as_recommended(instance)


def _without_home(deployed: bool) -> CheckResult:
    if deployed:
        return _INSTANCE.failed(
            "DAGSTER_HOME is not set, so Dagster forgets its runs when it ends.",
            "Make a deployment with checkout-assets deploy init, and set DAGSTER_HOME to its "
            "directory.",
        )
    return _INSTANCE.ok("DAGSTER_HOME is not set: dagster dev keeps its runs until it ends")


def _as_recommended(instance: dg.DagsterInstance) -> Iterator[CheckResult]:
    storage = type(instance.run_storage).__name__
    if "sqlite" in storage.lower():
        yield _STORAGE.failed(
            "Runs are kept in SQLite, which is too slow for many runs at a time.",
            f"Use a PostgreSQL storage: {_MAKE_IT}",
        )
    else:
        yield _STORAGE.ok(f"runs are kept in {storage}")
    if instance.run_monitoring_enabled:
        yield _MONITORING.ok("it is enabled")
    else:
        yield _MONITORING.failed(
            "It is not enabled, so runs whose process was killed stay started, and keep machines.",
            f"Set run_monitoring.enabled to true. {_MAKE_IT}",
        )
    yield _judged_launcher(instance)


def _judged_launcher(instance: dg.DagsterInstance) -> CheckResult:
    launcher = type(instance.run_launcher).__name__
    if isinstance(instance.run_launcher, HealthCheckingRunLauncher):
        return _LAUNCHER.ok(f"{launcher} notices when the process of a run has ended")
    if instance.run_launcher.supports_check_run_worker_health:
        return _LAUNCHER.ok(f"{launcher} answers health checks")
    return _LAUNCHER.failed(
        f"{launcher} answers no health check, so run monitoring does not look at started runs.",
        f"Set run_launcher to HealthCheckingRunLauncher. {_MAKE_IT}",
    )
