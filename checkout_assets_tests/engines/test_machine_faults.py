"""Faults of the machine and of the server are told as theirs, with what to do."""

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.faults import explain_fault
from checkout_assets.engines.copying.spool import Spool
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.tls_server import certificate, speak_tls
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError
from spark_jobs.stores.listing import parse_page

NO_DIRECTORY = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
ENTRY = (
    "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1</Size>"
    "<ETag>x</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
    "</ListBucketResult>"
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (OSError(errno.ENFILE, "File table overflow"), "fs.file-max"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "/tmp/x): free some, or set"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "TMPDIR"),
        (OSError(errno.EFBIG, "File too large"), "ulimit -f"),
        (OSError(errno.EROFS, "Read-only file system"), "check this machine"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "ulimit -u"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (MemoryError(), "memory"),
        (NO_DIRECTORY, "set TMPDIR to a directory with free space"),
    ],
)
def test_what_the_machine_lacks_is_not_a_fault_of_the_program(
    place: OrdersPlace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: str,
) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("checkout_assets.engines.copying.engine.FolderCopy.copy", lacking)
    copied = place.copy_one()
    monkeypatch.setattr("checkout_assets.cli.copy._run", lacking)
    assert run(["copy", FOLDER]) == 1
    for line in (copied.error, capsys.readouterr().err):
        assert said in line
        assert "report" not in line


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (sqlite3.SQLITE_FULL, "No space left on device"),
        (sqlite3.SQLITE_IOERR | 3 << 8, "Input/output error"),
        (sqlite3.SQLITE_READONLY, "Read-only file system"),
    ],
)
def test_what_a_database_met_is_told_also_through_those_who_wrap_it(code: int, said: str) -> None:
    met = sqlite3.OperationalError("database or disk is full")
    met.sqlite_errorcode = code
    wrapping = LookupError("(sqlite3.OperationalError)")
    wrapping.__cause__ = met
    for error in (met, wrapping):
        assert f"this machine refused what was needed ({said}" in explain_fault(error)


def test_a_temporary_directory_that_fills_in_the_middle_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Path("/dev/full").open("w+b"))  # noqa: SIM115
    monkeypatch.setattr("checkout_assets.engines.copying.spool._MOST_IN_MEMORY", 1)
    spool: Spool[int] = Spool()
    with pytest.raises(OSError, match="No space left on device") as raised:
        spool.add("key", 1)
    spool.close()
    told = explain_fault(raised.value)
    assert f"(No space left on device at {tempfile.gettempdir()}): free some" in told


def test_what_is_neither_is_told_by_its_place_only() -> None:
    try:
        raise KeyError("jane.doe@example.com")
    except KeyError as error:
        told = explain_fault(error)
    assert told.startswith("KeyError in test_machine_faults.py, line ")
    assert told.endswith("a fault of the program, please report it.")
    assert "jane" not in told


@pytest.mark.parametrize("field", ["Key", "Size", "ETag", "LastModified"])
def test_a_listing_entry_that_lacks_a_field_is_the_servers_fault(field: str) -> None:
    start, end = ENTRY.index(f"<{field}>"), ENTRY.index(f"</{field}>")
    lacking = ENTRY[:start] + ENTRY[end + len(field) + 3 :]
    with pytest.raises(StoreError) as raised:
        parse_page(lacking.encode(), "bucket")
    assert "an entry lacks its key, size, ETag or time" in meaning_of(raised.value.code)


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_answer_without_an_etag_cannot_be_read(
    place: OrdersPlace, proxy: FaultProxy, method: str
) -> None:
    def strip(request: Request) -> Answer | None:
        if request.method != method or "/copies/record" not in request.path:
            return None
        whole = proxy.forward(request)
        kept = tuple(each for each in whole.headers if each[0].lower() != "etag")
        return Answer(whole.status, exact=whole.body, headers=kept)

    proxy.rule = strip
    raw = place.raw.open()
    with pytest.raises(StoreError) as raised:
        raw.put("record", b"{}") and raw.get("record")
    assert "such as the ETag" in meaning_of(raised.value.code)
    if method == "GET":
        ((_, read),) = raw.read_many(["record"])
        assert isinstance(read, StoreError)


@pytest.fixture
def tls(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FaultProxy]:
    """The S3 server behind TLS; nobody trusts ``certificate.pem``."""
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.chdir(tmp_path)
    certificate(tmp_path)
    proxy = FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"])
    with proxy.serving():
        yield proxy


@pytest.mark.parametrize(
    ("variables", "made", "said"),
    [
        ({}, {}, "a certificate that is not trusted (self-signed certificate): set AWS_CA_BUNDLE"),
        ({"AWS_CA_BUNDLE": "certificate.pem"}, {"days": -1}, "expired): have it renewed"),
        (
            {"AWS_CA_BUNDLE": "certificate.pem"},
            {"host": "192.0.2.1"},
            "name the host in AWS_ENDPOINT_URL_S3 as its certificate does",
        ),
    ],
)
def test_a_certificate_that_is_not_trusted_is_told_at_once(  # noqa: PLR0913, PLR0917 - the cases
    tls: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    made: dict[str, int | str],
    said: str,
) -> None:
    files = certificate(Path(), **made)  # type: ignore[arg-type]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", speak_tls(tls, files, monkeypatch))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(["copy", FOLDER]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not tls.seen


def test_a_server_without_tls_is_told_at_once(
    tls: FaultProxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", tls.endpoint_url.replace("http:", "https:"))
    assert run(["copy", FOLDER]) == 2
    assert "does not speak TLS as it should" in capsys.readouterr().err


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.usefixtures("tls")
def test_both_transports_trust_the_same_certificates(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "certificate.pem")
    assert place.raw.open().endpoint.ca_bundle == "certificate.pem"
