"""What S3 is told with each request: owners, encryption, storage class, who pays, which role."""

import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from moto import mock_aws

from checkout_assets.domain.copying import SourceObject
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.copying.engine import CopyTerms
from checkout_assets.engines.copying.object_tags import ObjectTags
from checkout_assets.engines.copying.parts import copy_in_parts
from checkout_assets.engines.locations import check_reachable
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, TYPE, OrdersPlace
from spark_jobs.stores import S3Store
from spark_jobs.stores.s3 import s3_client
from spark_jobs.stores.sessions import new_session

DOCUMENT = f"{FOLDER}/A/id/1"
OWNERS = CopyTerms(source_account="1" * 12, raw_account="2" * 12)
ROLE = "arn:aws:iam::222222222222:role/migration"
KEY = "arn:aws:kms:us-east-2:222222222222:key/abc"


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"source_account": "12"}, 'source account "12" is wrong: an account id has 12 digits'),
        ({"raw_account": "x" * 12}, "raw account"),
        ({"encryption": "kms"}, "write AES256 or aws:kms"),
        ({"kms_key": "abc"}, "without the encryption aws:kms"),
        ({"encryption": "AES256", "kms_key": "abc"}, "without the encryption aws:kms"),
        ({"storage_class": "GLACIER"}, "write one of STANDARD, "),
        ({"copy_role_arn": "migration"}, "write arn:aws:iam::<account>:role/<name>"),
        ({"copy_role_arn": f"{ROLE}\u00e9"}, "write arn:aws:iam::<account>:role/<name>"),
    ],
)
def test_wrong_terms_are_one_sentence(terms: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        CopyTerms(**terms)  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_terms_go_with_each_copy(place: OrdersPlace, proxy: FaultProxy) -> None:
    place.put(DOCUMENT)
    terms = CopyTerms(
        source_account="1" * 12,
        raw_account="2" * 12,
        encryption="aws:kms",
        kms_key=KEY,
        storage_class="STANDARD_IA",
        requester_pays=True,
    )

    copied = place.copy_one(terms=terms)

    assert copied.ok, copied.error
    (request,) = proxy.copies
    wanted = {
        "x-amz-expected-bucket-owner": "2" * 12,
        "x-amz-source-expected-bucket-owner": "1" * 12,
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": KEY,
        "x-amz-server-side-encryption-bucket-key-enabled": "true",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-request-payer": "requester",
    }
    assert wanted.items() <= request.headers.items()


def test_without_terms_nothing_is_said(place: OrdersPlace, proxy: FaultProxy) -> None:
    place.put(DOCUMENT)
    assert place.copy_one().ok
    (request,) = proxy.copies
    told = {name for name in request.headers if name.startswith("x-amz-")}
    assert told == {
        "x-amz-content-sha256",
        "x-amz-copy-source",
        "x-amz-copy-source-if-match",
        "x-amz-date",
    }


def test_the_owners_go_with_every_request_to_their_bucket(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    place.put(DOCUMENT)
    place.put(f"{FOLDER}/b/id/2", b"x" * 6_000_000)
    for run_id in ("1", "2"):
        assert place.copy_one(run_id=run_id, terms=OWNERS, largest_copy=1_000_000).ok

    owners = {place.source.bucket: "1" * 12, place.raw.bucket: "2" * 12}
    asked = {(r.method, r.path.split("?")[0].split("/")[1]) for r in proxy.seen}
    assert {("GET", place.source.bucket), ("PUT", place.raw.bucket)} <= asked
    for request in proxy.seen:
        bucket = request.path.split("?")[0].split("/")[1]
        if request.method == "HEAD" and request.path.rstrip("/") == f"/{bucket}":
            continue  # finding the bucket's region, before anything is done
        assert request.headers.get("x-amz-expected-bucket-owner") == owners[bucket], request


def test_another_owner_stops_a_folder_at_once(place: OrdersPlace, proxy: FaultProxy) -> None:
    place.put(DOCUMENT)
    denied = Answer(403, "AccessDenied")
    proxy.rule = lambda r: (
        denied if r.headers.get("x-amz-expected-bucket-owner") == "1" * 12 else None
    )

    copied = place.copy_one(terms=OWNERS)

    assert "access was denied while listing" in copied.error
    assert not proxy.copies


def test_large_objects_keep_terms_and_headers(place: OrdersPlace, proxy: FaultProxy) -> None:
    body = b"x" * (6 * 1024**2)
    place.put(DOCUMENT, body)
    terms = CopyTerms(encryption="AES256", storage_class="STANDARD_IA")

    copied = place.copy_one(terms=terms, largest_copy=1024**2)

    assert copied.ok, copied.error
    arrived = place.get(DOCUMENT)
    assert arrived["bytes"] == body
    assert (arrived["ContentType"], arrived["Metadata"]) == (TYPE, {"made-by": "a test"})
    begun = next(r for r in proxy.seen if r.method == "POST" and "uploads" in r.path)
    assert begun.headers["x-amz-server-side-encryption"] == "AES256"
    assert begun.headers["x-amz-storage-class"] == "STANDARD_IA"
    assert all("x-amz-copy-source-if-match" in part.headers for part in proxy.copies)


def test_a_large_object_keeps_what_a_small_one_keeps(place: OrdersPlace) -> None:
    kept = {
        "CacheControl": "no-cache",
        "ContentDisposition": "attachment",
        "ContentEncoding": "x-packed",
        "ContentLanguage": "pt",
        "ContentType": TYPE,
        "Expires": datetime(2030, 1, 1, tzinfo=UTC),
        "Metadata": {"made-by": "a test"},
    }
    where = {"Bucket": place.source.bucket, "Key": place.source.prefix + DOCUMENT}
    place.client.put_object(**where, Body=b"x" * (6 * 1024**2), **kept)

    assert place.copy_one(largest_copy=1024**2).ok

    arrived = place.get(DOCUMENT)
    assert {name: arrived.get(name) for name in kept} == kept


TAGS = {"kind": "order", "owner/team +1": "a=b+c / d:e@f", "empty": ""}


def put_large_with_tags(place: OrdersPlace) -> None:
    place.put(DOCUMENT, b"x" * (6 * 1024**2))
    place.client.put_object_tagging(
        Bucket=place.source.bucket,
        Key=place.source.prefix + DOCUMENT,
        Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in TAGS.items()]},
    )


def test_a_large_object_s_tags_are_set_when_its_upload_begins(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    """The server of the tests forgets the tags of an upload: moto's does not, see below."""
    put_large_with_tags(place)
    assert place.copy_one(largest_copy=1024**2).ok
    (begun,) = [r for r in proxy.seen if r.method == "POST" and "uploads" in r.path]
    assert dict(parse_qsl(begun.headers["x-amz-tagging"], keep_blank_values=True)) == TAGS
    assert place.raw.open().tags(DOCUMENT) == {}, "ministack keeps them now: compare them here"


def test_a_large_object_keeps_its_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = s3_client(new_session())
        for bucket in ("source", "raw"):
            client.create_bucket(Bucket=bucket)
        tagging = urlencode(TAGS)
        told = client.put_object(Bucket="source", Key="a", Body=b"x" * 100, Tagging=tagging)
        source, raw = (S3Store(each, "", client, new_session()) for each in ("source", "raw"))
        etag = told["ETag"].strip('"')
        found = SourceObject("a", 100, etag, datetime(2020, 1, 1, tzinfo=UTC))
        tags_of = ObjectTags(source).of
        copy_in_parts(source, raw, found, "b", None, CopyTerms(), threading.Event(), tags_of)
        assert raw.tags("b") == TAGS


def test_a_large_object_whose_tags_may_not_be_read_is_not_copied_without_them(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    """As with CopyObject, which S3 denies then."""
    put_large_with_tags(place)
    proxy.rule = lambda r: Answer(403, "AccessDenied") if "?tagging" in r.path else None
    copied = place.copy_one(largest_copy=1024**2)
    assert "access was denied" in copied.error
    assert place.keys(FOLDER) == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(501, "NotImplemented"), (501, ""), (405, "MethodNotAllowed"), (405, "")],
)
def test_a_server_without_object_tags_has_none_to_lose(
    place: OrdersPlace,
    proxy: FaultProxy,
    caplog: pytest.LogCaptureFixture,
    status: int,
    code: str,
) -> None:
    """R2 answers so: jhaals/yopass issue 3657."""
    for name in (DOCUMENT, f"{DOCUMENT}2"):
        place.put(name, b"x" * (6 * 1024**2))
    refused = Answer(status, code) if code else Answer(status, exact=b"")
    proxy.rule = lambda r: refused if "?tagging" in r.path else None

    copied = place.copy_one(largest_copy=1024**2)

    assert copied.ok, copied.error
    assert len(place.keys(FOLDER)) == 2
    (begun, _) = [r for r in proxy.seen if r.method == "POST" and "uploads" in r.path]
    assert "x-amz-tagging" not in begun.headers
    (told,) = [each.getMessage() for each in caplog.records if "object tags" in each.getMessage()]
    assert told.startswith(f"The S3 server of {place.source.uri} has no object tags")


def test_an_upload_whose_id_is_not_told_is_an_answer_that_cannot_be_read(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    place.put(DOCUMENT, b"x" * (6 * 1024**2))
    page = Answer(200, exact=b"<html><body>Sign in</body></html>")
    proxy.rule = lambda r: page if r.method == "POST" and "uploads" in r.path else None

    copied = place.copy_one(largest_copy=1024**2)

    assert "the server's answer cannot be read" in copied.error
    assert "an unfinished upload may be left in raw" in copied.error


def test_a_large_object_that_fails_leaves_no_upload(place: OrdersPlace, proxy: FaultProxy) -> None:
    place.put(DOCUMENT, b"x" * (6 * 1024**2))
    proxy.rule = lambda r: Answer(403, "AccessDenied") if r.is_copy else None

    copied = place.copy_one(largest_copy=1024**2)

    assert "access was denied" in copied.error
    left = place.client.list_multipart_uploads(Bucket=place.raw.bucket)
    assert not left.get("Uploads")


def assumes(seconds: int) -> Answer:
    """What STS answers; the credentials last so long."""
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(
        200,
        content="<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
        "<AssumeRoleResult><Credentials><AccessKeyId>ASIAMADEUP</AccessKeyId>"
        "<SecretAccessKey>made up</SecretAccessKey><SessionToken>a token</SessionToken>"
        f"<Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    )


def is_sts(request: Request) -> bool:
    return request.method == "POST" and request.path == "/"


@pytest.mark.parametrize(("seconds", "asked"), [(3600, 1), (60, 2)], ids=["lasting", "ending"])
def test_one_assumed_role_lists_and_copies(
    place: OrdersPlace,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    asked: int,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", proxy.endpoint_url)
    proxy.rule = lambda request: assumes(seconds) if is_sts(request) else None
    place.put(DOCUMENT)

    copied = place.copy_one(terms=CopyTerms(copy_role_arn=ROLE))

    assert copied.ok, copied.error
    of_s3 = [request for request in proxy.seen if not is_sts(request)]
    assert len(of_s3) > 5
    assert all(request.headers["x-amz-security-token"] == "a token" for request in of_s3)
    times = sum(is_sts(request) for request in proxy.seen)
    assert times == asked if asked == 1 else times >= asked


def test_a_role_that_cannot_be_assumed_is_one_sentence(
    place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", proxy.endpoint_url)
    denied = Answer(
        403,
        content="<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
        "<Message>made up</Message></Error></ErrorResponse>",
    )
    proxy.rule = lambda request: denied if is_sts(request) else None
    with pytest.raises(UsageError, match="The role cannot be assumed: STS answers AccessDenied"):
        check_reachable({"raw": place.raw}, role_arn=ROLE)
