"""TLS in front of a test's S3 server, with certificates made for the test."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from checkout_assets_tests.fault_proxy import FaultProxy

_DAY = dt.timedelta(days=1)


def certificate(directory: Path, host: str = "127.0.0.1", days: int = 1) -> tuple[Path, Path]:
    """A self-signed certificate that expires in ``days`` days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made-up")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - 3 * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = directory / "certificate.pem", directory / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def speak_tls(proxy: FaultProxy, files: tuple[Path, Path], patch: pytest.MonkeyPatch) -> str:
    """Let the proxy speak TLS only; returns its URL.

    The handshake is the connection's own thread's: one that waits for it as it accepts waits for
    a client that says nothing, and all others with it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    # Handshakes that clients break off are what tests of TLS are about.
    patch.setattr(proxy._server, "handle_error", lambda *_: None)
    plain = proxy._server.socket
    proxy._server.socket = context.wrap_socket(
        plain, server_side=True, do_handshake_on_connect=False
    )
    return proxy.endpoint_url.replace("http:", "https:")
