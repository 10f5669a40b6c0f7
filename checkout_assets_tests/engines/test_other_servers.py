"""What servers other than Amazon's are known to refuse or to answer, by public reports of them."""

import base64
import hashlib
import io

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict

from checkout_assets.cli.main import run
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request, Rule
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.stores import S3Store, StoreError
from spark_jobs.stores.s3 import s3_client
from spark_jobs.stores.sessions import new_session

NEWER_CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-trailer")
ENDPOINTS = {
    "amazon": "https://s3.us-east-2.amazonaws.com",
    "amazon, dual-stack": "https://s3.dualstack.us-east-2.amazonaws.com",
    "other": "https://s3.example.com",
}


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for n in range(3):
        place.put(f"{FOLDER}/A/id/{n} +", f"body {n}".encode())
    return place


def knows_md5_only(request: Request) -> Answer | None:
    """Deletions need Content-MD5, and later checksums are unknown.

    s3fs-fuse/s3fs-fuse issue 2639 (MinIO), EnterpriseDB/barman issue 1146 (PowerScale),
    storj/gateway-st issue 89.
    """
    newer = any(name.startswith(NEWER_CHECKSUMS) for name in request.headers)
    if newer and request.method in {"PUT", "POST"}:
        return Answer(501, "NotImplemented")
    digest = base64.b64encode(hashlib.md5(request.body).digest()).decode()
    given = request.headers.get("content-md5")
    if request.method == "POST" and "delete" in request.path and not given:
        return Answer(400, "MissingContentMD5")
    return Answer(400, "BadDigest") if given not in {None, digest} else None


def refuses_leading_slash(request: Request) -> Answer | None:
    """The slash is taken for an empty bucket name: nikeee/lean-s3 pull request 113 (R2)."""
    leads = request.headers.get("x-amz-copy-source", "").startswith("/")
    return Answer(400, "InvalidArgument") if leads else None


OLD_FASHIONED = [knows_md5_only, refuses_leading_slash]


@pytest.mark.parametrize("rule", OLD_FASHIONED)
def test_a_copy_works_where_only_older_requests_are_understood(
    filled: OrdersPlace, proxy: FaultProxy, rule: Rule
) -> None:
    proxy.rule = rule

    copied = filled.copy_one(run_id="1")

    assert copied.ok, copied.error
    assert copied.facts.by_status == {"copied": 3}
    assert filled.copy_one(run_id="2").facts.by_status == {"present": 3}


@pytest.mark.parametrize("rule", OLD_FASHIONED)
def test_a_lake_is_written_there_too(filled: OrdersPlace, proxy: FaultProxy, rule: Rule) -> None:
    proxy.rule = rule
    store = filled.raw.open()
    tag = store.put("a", b"1", if_absent=True)
    store.put("a", b"2", if_match=tag)
    store.put("b", b"")

    assert store.move_many([("a", "new/a +"), ("b", "new/b")]) == {}

    assert [entry.key for entry in store.list()] == ["new/a +", "new/b"]
    store.delete(["new/a +", "new/b", "never there"])
    assert list(store.list()) == []


def test_what_is_gone_already_needs_no_removal(filled: OrdersPlace, proxy: FaultProxy) -> None:
    """S3 says so of every key; others name those that they do not find."""
    error = "<Error><Key>copies/a</Key><Code>{}</Code><Message>not there</Message></Error>"
    answer = "<DeleteResult>" + error + "</DeleteResult>"
    store = filled.raw.open()

    proxy.rule = lambda _: Answer(200, content=answer.format("NoSuchKey"))
    store.delete(["a"])

    proxy.rule = lambda _: Answer(200, content=answer.format("AccessDenied"))
    with pytest.raises(StoreError, match="AccessDenied"):
        store.delete(["a"])


class Nothing(io.BytesIO):
    """The body of an answer that has none."""

    def stream(self) -> list[bytes]:
        return []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_amazon_gets_its_own_checksums_and_others_md5(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        ("AWS_DEFAULT_REGION", "us-east-2"),
        ("AWS_ENDPOINT_URL_S3", ENDPOINTS[endpoint]),
    ):
        monkeypatch.setenv(name, value)
    session = new_session()
    client = s3_client(session)
    headers: list[dict[str, str]] = []

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        shown = {name.lower(): value for name, value in request.headers.items()}
        headers.append({n: v.decode() if isinstance(v, bytes) else v for n, v in shown.items()})
        return AWSResponse(request.url, 200, HeadersDict({"ETag": '"0"'}), Nothing())

    client.meta.events.register("before-send.s3.PutObject", answer)
    store = S3Store("bucket", "", client, session)
    store.put("key", b"body")

    (sent,) = headers
    newer = [name for name in sent if name.startswith(NEWER_CHECKSUMS)]
    assert ("content-md5" in sent, bool(newer)) == (endpoint == "other", endpoint != "other")
    assert sent.get("content-length", "") == ("4" if endpoint == "other" else "")


IN_RAW = "<Error><Code>PreconditionFailed</Code>{}</Error>"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(404, "NoSuchKey"), "S3 lists it unchanged, but answers that it is gone or has"),
        (
            Answer(412, content=IN_RAW.format("<Condition>If-None-Match</Condition>")),
            "S3 lists its place in raw unchanged, but answers that it has changed",
        ),
        (
            Answer(412, content=IN_RAW.format("")),
            "S3 lists its place in raw unchanged, but answers that it has changed",
        ),
    ],
    ids=["source", "raw", "raw unnamed"],
)
def test_a_server_that_contradicts_its_listing_is_told_as_such(
    filled: OrdersPlace, proxy: FaultProxy, answer: Answer, said: str
) -> None:
    """SeaweedFS lists keys that end in a slash and does not find them.

    Where there are keys below a key, it takes that for a directory, and therefore for there.
    """
    proxy.rule = lambda request: answer if request.is_copy else None

    assert said in filled.copy_one().error


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(403, "SignatureDoesNotMatch"), "the secret access key does not belong to"),
        (Answer(403, "InvalidAccessKeyId"), "S3 does not know the access key"),
        (Answer(400, "InvalidToken"), "the session token is not valid"),
        (Answer(400, "AuthorizationHeaderMalformed"), "signed for another region"),
        (Answer(403, "AccessDenied"), "access to it is denied"),
    ],
    ids=lambda each: each.code if isinstance(each, Answer) else "",
)
def test_wrong_credentials_are_no_missing_permission(
    filled: OrdersPlace,
    proxy: FaultProxy,
    answer: Answer,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    proxy.rule = lambda _: answer

    code = run(["copy", "--source", filled.source.uri, "--raw", filled.raw.uri, FOLDER])

    (line,) = capsys.readouterr().err.strip().splitlines()
    assert (code, said in line) == (2, True), line
