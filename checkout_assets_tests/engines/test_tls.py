"""Copying and reconciling over TLS, in processes of their own as users run them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.tls_server import certificate, speak_tls

OBJECTS = 60
TRUSTING = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


class Ended:
    """How a command ended: exit code, what it said, and after how long."""

    def __init__(self, place: OrdersPlace, command: str, *more: str, **variables: str) -> None:
        clean = {name: value for name, value in os.environ.items() if name not in TRUSTING}
        source = () if command == "structure" else ("--source", place.source.uri)
        began = time.monotonic()
        done = subprocess.run(
            [
                sys.executable, "-m", "checkout_assets.cli.main", command,
                *source, "--raw", place.raw.uri, *more, FOLDER,
            ],
            env={**clean, **variables}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self.seconds = time.monotonic() - began
        self.code, self.out, self.lines = done.returncode, done.stdout, done.stderr.splitlines()


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_folder_is_copied_and_reconciled_over_tls(
    place: OrdersPlace,
    proxy: FaultProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    for number in range(OBJECTS):
        place.put(f"{FOLDER}/A/id/{number}")
    files = certificate(tmp_path)
    trusting = {
        variable: str(files[0]),
        "AWS_ENDPOINT_URL_S3": speak_tls(proxy, files, monkeypatch),
    }

    copied = Ended(place, "copy", **trusting)
    compared = Ended(place, "reconcile", "--lake", place.lake.uri, **trusting)

    assert (copied.code, copied.lines[1:]) == (0, [])
    assert f"{OBJECTS} objects in raw" in copied.out
    assert len(proxy.copies) == OBJECTS
    assert compared.code == 1
    assert compared.lines[0] == f"{FOLDER}: it was not structured."
    assert f"Raw: {OBJECTS} objects" in compared.out


def test_a_server_that_waits_for_the_body_gets_it(
    place: OrdersPlace, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing obliges it to answer 100 Continue, and one that speaks HTTP/1.0 cannot."""
    place.put(f"{FOLDER}/A/id/1")
    files = certificate(tmp_path)
    endpoint = speak_tls(proxy, files, monkeypatch)
    monkeypatch.setattr(proxy._server.RequestHandlerClass, "protocol_version", "HTTP/1.0")

    copied = Ended(place, "copy", AWS_CA_BUNDLE=str(files[0]), AWS_ENDPOINT_URL_S3=endpoint)

    assert (copied.code, copied.lines[1:]) == (0, [])
    assert not any("expect" in request.headers for request in proxy.seen)


PLACES = {"copy": (), "reconcile": ("--lake", "lake"), "structure": ("--lake", "lake")}


@pytest.mark.parametrize(
    ("command", "made", "trusted", "scheme", "said"),
    [
        ("copy", {}, False, "https", "that is not trusted (self-signed certificate)"),
        ("reconcile", {}, False, "https", "that is not trusted (self-signed certificate)"),
        ("structure", {}, False, "https", "that is not trusted (self-signed certificate)"),
        ("copy", {"days": -1}, True, "https", "that is not trusted (certificate has expired)"),
        ("copy", {"host": "192.0.2.1"}, True, "https", "name the host in AWS_ENDPOINT_URL_S3 as"),
        ("copy", {}, True, "http", "must begin with https:// or name another port"),
    ],
)
def test_what_is_wrong_with_tls_is_told_in_one_line_and_soon(  # noqa: PLR0913, PLR0917 - the cases
    place: OrdersPlace,
    proxy: FaultProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    made: dict[str, int | str],
    trusted: bool,
    scheme: str,
    said: str,
) -> None:
    files = certificate(tmp_path, **made)  # type: ignore[arg-type]
    endpoint = speak_tls(proxy, files, monkeypatch).replace("https:", f"{scheme}:")
    monkeypatch.chdir(tmp_path)
    trusting = {"AWS_CA_BUNDLE": str(files[0])} if trusted else {}

    ended = Ended(place, command, *PLACES[command], AWS_ENDPOINT_URL_S3=endpoint, **trusting)

    assert ended.code == 2
    (line,) = ended.lines
    assert said in line
    assert ended.seconds < 30
    assert not proxy.seen


def test_a_server_without_tls_is_told_in_one_line(
    place: OrdersPlace, proxy: FaultProxy, tmp_path: Path
) -> None:
    endpoint = proxy.endpoint_url.replace("http:", "https:")
    ended = Ended(place, "copy", AWS_ENDPOINT_URL_S3=endpoint)
    assert ended.code == 2
    (line,) = ended.lines
    assert "does not speak TLS as it should" in line
