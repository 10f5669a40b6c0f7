"""Expired credentials are named as such, by whatever way they show and whoever meets them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import exceptions as aws
from botocore.hooks import HierarchicalEmitter

from spark_jobs.contract.results import FolderStructured
from spark_jobs.job import reading, run
from spark_jobs.job.staging import StructureJob
from spark_jobs.refusals import credentials_problem, meaning_of
from spark_jobs.stores import S3Store, StoreError

FOLDER = "0A_CheckoutOrder"
EXPIRED = "the credentials have expired: renew them"


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"]
)
def test_every_name_of_expired_credentials_is_known(code: str) -> None:
    assert meaning_of(code).startswith(EXPIRED)
    assert code not in meaning_of(code)


def test_a_code_that_is_not_known_stands_for_itself() -> None:
    assert credentials_problem("AccessDenied") == ""
    assert meaning_of("AccessDenied") == "S3 answered AccessDenied"
    assert meaning_of("EIO", "the store answered {code}") == "the store answered EIO"
    assert "the provider" not in meaning_of("Credentials.Broken")
    assert "can no longer be read (Broken)" in meaning_of("Credentials.Broken")


class Client:
    """A boto3 client whose every call raises."""

    meta = SimpleNamespace(
        endpoint_url="https://s3.us-east-1.amazonaws.com", events=HierarchicalEmitter()
    )

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str) -> Any:
        def call(**_: object) -> Any:
            raise self._error

        return call


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (aws.ClientError({"Error": {"Code": "ExpiredToken"}}, "PutObject"), EXPIRED),
        (aws.ClientError({"Error": {"Code": "ExpiredTokenException"}}, "AssumeRole"), EXPIRED),
        (RuntimeError("Credentials were refreshed, but ... are still expired."), EXPIRED),
        (aws.NoCredentialsError(), "can no longer be read (NoCredentialsError)"),
        (aws.UnauthorizedSSOTokenError(), "can no longer be read (UnauthorizedSSOTokenError)"),
        (
            aws.CredentialRetrievalError(provider="p", error_msg="secret"),
            "can no longer be read (CredentialRetrievalError)",
        ),
        (aws.ClientError({"Error": {"Code": "400"}}, "HeadObject"), "credentials have expired"),
        (aws.ReadTimeoutError(endpoint_url="http://x"), "ReadTimeoutError"),
    ],
)
def test_what_boto3_raises_is_named(error: Exception, said: str) -> None:
    store = S3Store("bucket", "", Client(error), session=object())
    calls: list[Any] = [
        lambda: store.put("k", b""),
        lambda: store.get("k"),
        lambda: store.head("k"),
    ]
    for call in calls:
        with pytest.raises(StoreError) as caught:
            call()
        assert said in meaning_of(caught.value.code)
        assert "secret" not in str(caught.value)


def test_structuring_names_them() -> None:
    def expired() -> FolderStructured:
        raise StoreError("ExpiredToken", "k")

    job = StructureJob("raw", "lake", "run", (FOLDER,))
    ended = run._or_failure(job, FOLDER, expired)
    assert ended.error.startswith(f"{FOLDER}: {EXPIRED}")


def test_reading_raw_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Table:
        def to_pylist(self) -> list[dict[str, object]]:
            return [
                {"kind": "document", "status": "copied", "error": "", "raw_key": "k", "size": 1}
            ] * 3

    class Raw:
        def read_many(self, keys: Iterator[str], _: int) -> Iterator[tuple[str, Any]]:
            for number, key in enumerate(keys):
                code = "ExpiredToken" if number else "SlowDown"
                yield key, StoreError(code, key)

    monkeypatch.setattr(reading, "read_slice", lambda *_: Table())
    piece: Any = type("Piece", (), {"folder": FOLDER})()
    raw: Any = Raw()
    with pytest.raises(reading.FolderError, match="the credentials have expired"):
        list(reading.ObjectReader(raw, 1, 2**30).read(piece, False))


@pytest.mark.parametrize(
    "code", ["SSLError", "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE", "AWS_IO_TLS_NEGOTIATION_TIMEOUT"]
)
def test_a_failure_of_tls_is_named_as_one(code: str) -> None:
    assert meaning_of(code).startswith("no TLS connection to the server could be made")
