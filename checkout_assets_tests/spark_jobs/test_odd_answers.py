"""Answers with status 200 that S3 never sends: they prove nothing, and nothing is lost by them."""

import uuid
from concurrent.futures import Future
from dataclasses import replace

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from spark_jobs.stores import S3Store, StoreError, bulk
from spark_jobs.transport.answers import Response

LOGIN = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Hello</body></html>"
NAMELESS = b"<Error xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Code>Odd</Code></Error>"


@pytest.fixture
def store(aws: EmbeddedS3Server, proxy: FaultProxy) -> S3Store:
    """A store that is asked through the proxy."""
    assert proxy.endpoint_url
    bucket = f"odd-{uuid.uuid4().hex[:12]}"
    aws.client().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return S3Store(bucket, "below")


@pytest.mark.parametrize("body", [LOGIN, NAMELESS, b"", b"<CopyObjectResult/>"])
def test_a_move_whose_copy_is_not_confirmed_removes_nothing(
    store: S3Store, proxy: FaultProxy, body: bytes
) -> None:
    store.put("staged", b"rows")
    proxy.rule = lambda request: Answer(200, exact=body) if request.is_copy else None

    failed = store.move_many([("staged", "final")])

    assert list(failed) == ["final"]
    assert failed["final"].code in {"UnreadableAnswer", "Odd"}
    assert store.get("staged").data == b"rows"


@pytest.mark.parametrize("told", [None, "", "-1", "1_000", "many", "\u0667"])
def test_a_size_that_is_not_told_is_an_error_of_the_server(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    answered: Future[Response] = Future()
    answered.set_result(Response(200, () if told is None else (("Content-Length", told),)))
    monkeypatch.setattr(S3Store, "_send", lambda *_: answered)
    with pytest.raises(StoreError, match="UnreadableAnswer"):
        store.sizes(["key"])


def test_a_server_that_ignores_a_range_gives_no_more_than_was_asked_for(
    store: S3Store, proxy: FaultProxy
) -> None:
    store.put("key", b"start and rest")

    def whole(request: Request) -> Answer | None:
        if "range" not in request.headers:
            return None
        headers = {name: value for name, value in request.headers.items() if name != "range"}
        return proxy.forward(replace(request, headers=headers))

    proxy.rule = whole

    assert store.get_start("key", 5).data == b"start"


@pytest.mark.parametrize("named", ["<Key>below/other</Key>", "<Key>other</Key>", ""])
def test_a_removal_is_not_repeated_for_a_key_that_was_not_asked_for(
    store: S3Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setattr(bulk, "_SHORTEST_PAUSE_SECONDS", 0.0)
    told = f"<Error>{named}<Code>InternalError</Code></Error>"
    answer = Answer(200, content=f"<DeleteResult>{told}</DeleteResult>")
    proxy.rule = lambda request: answer if request.method == "POST" else None

    with pytest.raises(StoreError, match="InternalError"):
        store.delete(["key"])

    asked = [request.body for request in proxy.seen if request.method == "POST"]
    assert asked
    assert not any(b"other" in body or b"None" in body for body in asked)
