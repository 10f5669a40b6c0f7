"""Requests by awscrt's HTTP layer: signed right, tried again, never lost and never silent."""

import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from checkout_assets_tests.fault_proxy import ManyClients
from spark_jobs.stores import Blob, NotFoundError, S3Store, StoreError
from spark_jobs.transport import opening
from spark_jobs.transport.answers import Response
from spark_jobs.transport.client import CrtS3
from spark_jobs.transport.endpoints import Endpoint

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/token+=")
NAMES = [
    "plain/key.json",
    "sp ace",
    "pl+us",
    "per%cent",
    "%2F",
    "a//b",
    "a/../b",
    "./x",
    "é😀",
    "~&?#",
]


@dataclass
class Server:
    """Answers every request by ``rule``; an answer is (status, body), or None to hang up."""

    rule: Callable[[BaseHTTPRequestHandler, int], tuple[int, bytes] | None]
    scheme: str = "http"
    port: int = 0
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    clients: set[int] = field(default_factory=set)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(f"{self.scheme}://localhost:{self.port}", "us-east-2")


@contextmanager
def serving(
    rule: Callable[[BaseHTTPRequestHandler, int], tuple[int, bytes] | None],
    tls: ssl.SSLContext | None = None,
) -> Iterator[Server]:
    server = Server(rule, "https" if tls else "http")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.seen.append((self.command, self.path, headers))
            server.clients.add(self.client_address[1])
            self.rfile.read(int(headers.get("content-length", 0)))
            told = server.rule(self, len(server.seen))
            if told is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(told[0])
            self.send_header("Content-Length", str(len(told[1])))
            self.send_header("ETag", '"tag"')
            self.end_headers()
            self.wfile.write(told[1])

        do_GET = do_PUT = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    http = ManyClients(("127.0.0.1", 0), Handler)
    if tls:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def client(server: Server, credentials: object = None, **options: object) -> CrtS3:
    return CrtS3(server.endpoint, credentials or KEYS, **options)  # type: ignore[arg-type]


def get(crt: CrtS3, key: str = "k") -> Response:
    return crt.send("GET", "bucket", key).result(30)


def signature_of(method: str, path: str, headers: dict[str, str], host: str) -> str:
    """What botocore, Amazon's other implementation, signs this request with."""
    signed = re.search("SignedHeaders=([^,]*)", headers["authorization"])
    assert signed is not None
    names = signed[1].split(";")
    split = urlsplit(path)
    request = AWSRequest(
        method,
        f"http://{host}{split.path}",
        headers={name: headers[name] for name in names if name != "host"},
        params=dict(parse_qsl(split.query, keep_blank_values=True)),
    )
    request.context.update(timestamp=headers["x-amz-date"], payload_signing_enabled=False)
    auth = S3SigV4Auth(KEYS, "s3", "us-east-2")
    canonical = auth.canonical_request(request)
    return str(auth.signature(auth.string_to_sign(request, canonical), request))


def test_every_request_is_signed_as_botocore_would() -> None:
    with serving(lambda *_: (200, b"")) as server:
        crt = client(server)
        for name in NAMES:
            crt.send("PUT", "bucket", name, [("x-amz-copy-source", "/a/b%20c")]).result(30)
        crt.send("GET", "bucket", "", query="list-type=2&prefix=a%2Fb%20&start-after=%2B").result(
            30
        )
        crt.send("PUT", "bucket", "body", body=b"some bytes").result(30)
        crt.close()
    assert len(server.seen) == len(NAMES) + 2
    for name, (_, path, _) in zip(NAMES, server.seen, strict=False):
        assert unquote(path) == f"/bucket/{name}"
    for method, path, headers in server.seen:
        expected = signature_of(method, path, headers, headers["host"])
        assert headers["authorization"].endswith(f"Signature={expected}")
        assert headers["x-amz-security-token"] == KEYS.token
        signed = headers["authorization"]
        assert "host" in signed
        assert "x-amz-content-sha256" in signed


def test_connections_are_used_again_and_no_more_than_allowed() -> None:
    with serving(lambda *_: (200, b"x")) as server:
        crt = client(server, connections=3)
        futures = [crt.send("GET", "bucket", str(number)) for number in range(200)]
        assert [future.result(30).body for future in futures] == [b"x"] * 200
        crt.close()
    assert len(server.clients) <= 3


def test_python_keeps_what_it_knows_of_the_thread_that_answers() -> None:
    """Else it makes a state for each call, which costs more than the call (see the function)."""
    known = threading.local()
    ended: queue.Queue[bool] = queue.Queue()

    def on_end(*_: object) -> None:
        ended.put(hasattr(known, "before"))
        known.before = True

    with serving(lambda *_: (200, b"")) as server:
        crt = client(server)
        found = []
        for _ in range(3):
            crt.start("GET", "bucket", "k", on_end)
            found.append(ended.get(timeout=30))
        crt.close()
    assert found == [False, True, True]


def test_a_limit_that_falls_closes_connections() -> None:
    with serving(lambda *_: (200, b"x")) as server:
        crt = client(server, connections=8)
        for future in [crt.send("GET", "bucket", str(number)) for number in range(50)]:
            future.result(30)
        crt.limit(1)
        server.clients.clear()
        for future in [crt.send("GET", "bucket", str(number)) for number in range(100)]:
            future.result(30)
        last = set()
        for _ in range(5):
            server.clients.clear()
            get(crt)
            last |= server.clients
        crt.close()
    assert len(last) == 1


def test_a_connection_that_was_closed_meanwhile_costs_no_try() -> None:
    def hang_up_on_the_second(handler: BaseHTTPRequestHandler, number: int) -> tuple[int, bytes]:
        handler.close_connection = number == 1
        return 200, b"x"

    with serving(hang_up_on_the_second) as server:
        crt = client(server, tries=1)
        assert get(crt).body == b"x"
        time.sleep(0.1)
        assert get(crt).body == b"x"
        crt.close()


@pytest.mark.parametrize(
    ("answer", "code"),
    [(None, "AWS_"), ((503, b"<Code>SlowDown</Code>"), "SlowDown"), ((500, b""), "500")],
    ids=["reset", "slow down", "internal"],
)
def test_what_is_transient_is_tried_again_and_told_in_the_end(
    answer: tuple[int, bytes] | None, code: str
) -> None:
    with serving(lambda _, number: (200, b"x") if number > 3 else answer) as server:
        crt = client(server)
        assert get(crt).body == b"x"
        crt.close()
    with serving(lambda *_: answer) as server:
        crt = client(server, tries=2)
        with pytest.raises(StoreError, match=code) as caught:
            get(crt)
        assert caught.value.transient
        crt.close()


def test_what_is_permanent_is_asked_once() -> None:
    with serving(lambda *_: (404, b"<Code>NoSuchKey</Code>")) as server:
        crt = client(server)
        with pytest.raises(NotFoundError, match="NoSuchKey"):
            get(crt)
        crt.close()
    assert len(server.seen) == 1


def test_nobody_answering_at_that_address_is_an_error_for_everybody_who_waits() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint(f"http://127.0.0.1:{unused.getsockname()[1]}", "us-east-2")
        crt = CrtS3(endpoint, KEYS, connections=2, tries=2)
        futures = [crt.send("GET", "bucket", "k") for _ in range(10)]
        for future in futures:
            with pytest.raises(StoreError, match="AWS_"):
                future.result(30)
        crt.close()


def test_a_server_that_falls_silent_is_hung_up_on_and_asked_again() -> None:
    quiet = threading.Event()

    def silent_at_first(_: BaseHTTPRequestHandler, number: int) -> tuple[int, bytes] | None:
        if number == 1:
            quiet.wait(20)
            return None
        return 200, b"x"

    with serving(silent_at_first) as server:
        crt = client(server, silence=0.4)
        began = time.monotonic()
        assert get(crt).body == b"x"
        assert time.monotonic() - began < 10
        quiet.set()
        crt.close()


def test_an_answer_cut_in_the_middle_is_no_answer() -> None:
    def cut(handler: BaseHTTPRequestHandler, number: int) -> tuple[int, bytes] | None:
        if number > 1:
            return 200, b"whole"
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhal")
        return None

    with serving(cut) as server:
        crt = client(server)
        assert get(crt).body == b"whole"
        crt.close()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_that_does_not_tell_its_length_is_never_taken_for_an_empty_one(
    version: str,
) -> None:
    """awscrt drops a body that ends with the connection."""

    def without_length(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.wfile.write(f"HTTP/{version} 200 OK\r\nConnection: close\r\n\r\nbody".encode())

    with serving(without_length) as server:
        crt = client(server)
        with pytest.raises(StoreError, match="LengthMissing"):
            get(crt)
        assert len(server.seen) == 1
        crt.close()


@pytest.mark.parametrize("body", [b"", b"whole"])
def test_an_answer_in_chunks_tells_its_length(body: bytes) -> None:
    def chunked(handler: BaseHTTPRequestHandler, _: int) -> None:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        handler.wfile.write(head + chunks + b"0\r\n\r\n")

    with serving(chunked) as server:
        crt = client(server)
        assert get(crt).body == body
        crt.close()


class Renewed:
    """Credentials of which a second set is there once somebody looks again."""

    def __init__(self, *sets: Credentials) -> None:
        self.sets = list(sets)

    def get_frozen_credentials(self) -> object:
        found = self.sets[0].get_frozen_credentials()
        self.sets = self.sets[1:] or self.sets
        return found


def test_expired_credentials_are_looked_at_again_at_once() -> None:
    def only_new(handler: BaseHTTPRequestHandler, _: int) -> tuple[int, bytes]:
        new = "AKIDNEW" in handler.headers["authorization"]
        return (200, b"x") if new else (400, b"<Code>ExpiredToken</Code>")

    with serving(only_new) as server:
        crt = client(server, Renewed(KEYS, Credentials("AKIDNEW", "b")))
        assert get(crt).body == b"x"
        crt.close()
        seen = len(server.seen)
        crt = client(server, Renewed(KEYS))
        with pytest.raises(StoreError, match="ExpiredToken"):
            get(crt)
        crt.close()
        assert len(server.seen) == seen + 1, "without others it is no use to ask again"


def test_a_proxy_of_the_environment_is_used_and_excepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(lambda *_: (200, b"by proxy")) as server:
        monkeypatch.setenv("http_proxy", f"http://me:s%40crt@127.0.0.1:{server.port}")
        crt = CrtS3(Endpoint("http://s3.somewhere.test", "us-east-2"), KEYS)
        assert get(crt).body == b"by proxy"
        crt.close()
        ((_, path, headers),) = server.seen
        assert path.startswith("http://s3.somewhere.test")
        assert headers["proxy-authorization"].startswith("Basic ")
    monkeypatch.setenv("no_proxy", "localhost")
    with serving(lambda *_: (200, b"direct")) as server:
        crt = client(server)
        assert get(crt).body == b"direct"
        crt.close()
    tunnel = opening._proxy("https", "s3.somewhere.test")
    assert tunnel is None
    monkeypatch.setenv("https_proxy", "proxy.test:3128")
    tunnel = opening._proxy("https", "s3.somewhere.test")
    assert tunnel is not None
    assert (tunnel.host_name, tunnel.port) == ("proxy.test", 3128)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost with its key, which nobody but its holder trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    file.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


def test_tls_is_spoken_and_only_with_whom_the_certificates_name(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with serving(lambda *_: (200, b"over tls"), context) as server:
        crt = client(server, tries=1)
        with pytest.raises(StoreError, match="TLS"):
            get(crt)
        crt.close()
        assert server.seen == []
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint.url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        store = S3Store("bucket", "")
        (found,) = store.read_many(["k"])
        assert isinstance(found[1], Blob)
        assert found[1].data == b"over tls"
