"""The files of a deployment say what they must, whatever the settings hold."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.deploying.files import PASSWORD_VARIABLE
from checkout_assets_tests.deployment import (
    HOME,
    PROGRAMS,
    SystemdUnit,
    deployment,
    files_of,
    instance_config,
)

CODE_SERVER, DAEMON, WEBSERVER = (
    f"checkout-assets-{name}.service" for name in ("code-server", "daemon", "webserver")
)
UNITS = [CODE_SERVER, DAEMON, WEBSERVER]
TARGET = "checkout-assets.target"
HOSTILE = "a b\"c'd$e`f\\g#h;i%j{{k}}é"


def unit(name: str, **choices: object) -> SystemdUnit:
    return SystemdUnit(files_of(deployment(**choices))[f"systemd/{name}"].text)


def test_a_restart_of_the_code_server_leaves_runs_alive() -> None:
    """Their processes are in its unit: only the server itself is stopped, and at once."""
    code_server = unit(CODE_SERVER)
    assert code_server.one("Service", "KillMode") == "process"
    assert code_server.one("Service", "KillSignal") == "SIGKILL"
    assert code_server.one("Service", "OOMPolicy") == "continue"
    assert code_server.one("Service", "TasksMax") == "infinity"


def test_nothing_that_runs_use_is_removed_when_the_code_server_stops() -> None:
    assert not unit(CODE_SERVER).keys() & {
        "PrivateTmp", "RuntimeDirectory", "DynamicUser", "JoinsNamespaceOf", "ExecStop",
        "ExecStopPost",
    }  # fmt: skip


@pytest.mark.parametrize("name", UNITS)
def test_no_service_stops_or_restarts_another_one(name: str) -> None:
    """Only the target does, which an administrator restarts on purpose."""
    found = unit(name)
    assert found.one("Unit", "PartOf") == TARGET
    assert not found.keys() & {"Requires", "BindsTo", "Requisite", "Conflicts", "PropagatesStopTo"}
    assert found.one("Install", "WantedBy") == TARGET
    assert unit(TARGET).one("Unit", "Wants").split() == UNITS


@pytest.mark.parametrize("name", UNITS)
def test_a_service_that_ends_starts_again_however_often(name: str) -> None:
    found = unit(name)
    assert found.one("Service", "Restart") == "always"
    assert int(found.one("Service", "RestartSec")) >= 1
    assert found.one("Unit", "StartLimitIntervalSec") == "0"


@pytest.mark.parametrize("name", [DAEMON, WEBSERVER])
def test_daemon_and_webserver_start_after_the_code_server_serves(name: str) -> None:
    assert CODE_SERVER in unit(name).one("Unit", "After").split()
    assert "grpc-health-check" in unit(CODE_SERVER).one("Service", "ExecStartPost")


def test_the_code_server_starts_after_network_and_database() -> None:
    after = unit(CODE_SERVER).one("Unit", "After").split()
    assert {"network-online.target", "postgresql.service"} <= set(after)


@pytest.mark.parametrize("name", UNITS)
def test_a_service_runs_as_the_user_with_both_files_of_variables(name: str) -> None:
    found = unit(name, service_user="orders")
    assert found.one("Service", "User") == "orders"
    assert found.one("Service", "WorkingDirectory") == str(HOME)
    assert found.all("Service", "EnvironmentFile") == [f"{HOME}/environment", f"{HOME}/secrets.env"]
    assert found.one("Service", "ExecStart").startswith(f"{PROGRAMS}/dagster")
    assert int(found.one("Service", "LimitNOFILE")) >= 4096


def test_everything_listens_on_this_host_only() -> None:
    for name in (CODE_SERVER, WEBSERVER):
        assert "--host 127.0.0.1 " in unit(name).one("Service", "ExecStart")
    assert "without a login" in unit(WEBSERVER).one("Unit", "Description")


def test_the_ports_are_those_of_the_settings() -> None:
    files = files_of(deployment(code_server_port=4444, ui_port=3333))
    assert "--port 4444 " in files[f"systemd/{CODE_SERVER}"].text
    assert "--port 3333 " in files[f"systemd/{WEBSERVER}"].text
    (location,) = yaml.safe_load(files["workspace.yaml"].text)["load_from"]
    assert location["grpc_server"] == {
        "host": "127.0.0.1", "port": 4444, "location_name": "checkout_assets",
    }  # fmt: skip


def test_the_instance_is_made_of_the_settings() -> None:
    config = instance_config(
        database_host="db-1", database_port=6432, database_name="runs", database_user="orders",
        database_tls="verify-full", concurrent_runs=2,
    )  # fmt: skip
    assert config["storage"]["custom"]["config"]["postgres_db"] == {
        "hostname": "db-1",
        "port": 6432,
        "db_name": "runs",
        "username": "orders",
        "password": {"env": PASSWORD_VARIABLE},
        "params": {"sslmode": "verify-full"},
    }
    logs = config["compute_logs"]["config"]
    assert (logs["bucket"], logs["prefix"]) == ("logs", "dagster")
    assert logs["local_dir"] == f"{HOME}/compute_logs"
    assert config["concurrency"]["pools"] == {"granularity": "run", "default_limit": 2}
    assert config["concurrency"]["runs"]["max_concurrent_runs"] > 2


def test_run_monitoring_looks_and_runs_wait_for_the_code_server() -> None:
    config = instance_config()
    assert config["run_monitoring"]["enabled"] is True
    assert config["run_launcher"]["class"] == "HealthCheckingRunLauncher"
    queue = config["run_queue"]
    waits = queue["max_user_code_failure_retries"] * queue["user_code_failure_retry_delay"]
    assert waits >= 600


def test_backfills_wait_for_the_code_server() -> None:
    """Dagster fails a backfill whose assets it cannot load at the moment, unless this is set."""
    waits = "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR=1"
    assert unit(DAEMON).all("Service", "Environment") == [waits]


def sourced(text: str, directory: Path, *names: str) -> list[str]:
    """What a shell reads from a file of variables."""
    file = directory / "environment"
    file.write_text(text)
    script = "set -a; . ./environment; set +a; " + "; ".join(
        f'printf "%s\\0" "${name}"' for name in names
    )
    told = subprocess.run(["sh", "-c", script], cwd=directory, capture_output=True, check=True)
    return told.stdout.decode().split("\0")[:-1]


def test_a_shell_reads_each_value_as_it_is(tmp_path: Path) -> None:
    """systemd reads double quotes and these escapes in the same way."""
    made = deployment(settings={"CHECKOUT_EC2": HOSTILE, "CHECKOUT_AS_OF": ""})
    text = files_of(made)["environment"].text
    read = sourced(text, tmp_path, "CHECKOUT_EC2", "CHECKOUT_AS_OF", "DAGSTER_HOME")
    assert read == [HOSTILE, "", str(HOME)]


def test_only_variables_that_hold_no_secret_are_written() -> None:
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIA0", "AWS_SECRET_ACCESS_KEY": "secret1",
        "AWS_SESSION_TOKEN": "secret2", "HTTPS_PROXY": "http://me:secret3@proxy",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret4", "AWS_LATER_INVENTION": "secret5",
        "AWS_ENDPOINT_URL_S3": "https://me:secret6@s3",
    }  # fmt: skip
    made = deployment(aws={**secrets, "AWS_REGION": "us-east-2", "AWS_PROFILE": "orders"})
    text = "".join(each.text for each in files_of(made).values())
    assert 'AWS_REGION="us-east-2"' in text
    assert 'AWS_PROFILE="orders"' in text
    for value in secrets.values():
        assert value not in text
    assert made.withheld == sorted(secrets)


def test_metadata_that_answers_late_is_waited_for_unless_somebody_says_otherwise() -> None:
    assert dict(deployment().variables())["AWS_METADATA_SERVICE_TIMEOUT"] == "5"
    told = deployment(aws={"AWS_METADATA_SERVICE_TIMEOUT": "9"})
    assert dict(told.variables())["AWS_METADATA_SERVICE_TIMEOUT"] == "9"


def test_files_of_variables_are_their_owner_s_only() -> None:
    modes = {name: each.mode for name, each in files_of(deployment()).items()}
    private = {"environment", "secrets.env"}
    assert {name for name, mode in modes.items() if not mode & 0o077} == private
    assert files_of(deployment())["secrets.env"].text.endswith(f"\n{PASSWORD_VARIABLE}=\n")


@pytest.mark.parametrize("path", ["/srv/a b", "/srv/%h", "/srv/$x", "/srv/a\nb", "/srv/é", "srv"])
def test_a_path_that_a_unit_would_misread_is_refused(path: str) -> None:
    for misread in ({"directory": Path(path)}, {"programs": Path(path)}):
        with pytest.raises(UsageError, match="cannot stand in a unit"):
            deployment(**misread)


def test_a_deployment_needs_a_database() -> None:
    with pytest.raises(UsageError, match="CHECKOUT_DATABASE_HOST"):
        deployment(database_host="")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("dagster", "dagster-daemon", "dagster-webserver"):
        (programs / program).write_text("#!/bin/sh\n")
        (programs / program).chmod(0o755)
    made = deployment(directory=tmp_path, programs=programs, service_user="root")
    paths = []
    for name, each in files_of(made).items():
        if name.startswith("systemd/"):
            paths.append(tmp_path / Path(name).name)
            paths[-1].write_text(each.text)
    command = ["systemd-analyze", "verify", "--man=no", *map(str, paths)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    about_ours = [line for line in told.stderr.splitlines() if "checkout-assets" in line]
    assert about_ours == []
