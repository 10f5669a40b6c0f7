"""Pages of a listing: read quickly where they are as S3 sends them, and exactly in any case."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request
from spark_jobs.stores import Entry, S3Store, StoreError, listing
from spark_jobs.stores.listing import parse_page

INSTANT = "2026-01-31T12:34:56.789Z"
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def contents(key: str, fields: str = "") -> str:
    told = fields or (
        f"<LastModified>{INSTANT}</LastModified><ETag>&quot;abc-2&quot;</ETag><Size>7</Size>"
        "<StorageClass>GLACIER_IR</StorageClass>"
    )
    return f"<Contents><Key>{quote_plus(key, safe='/')}</Key>{told}</Contents>"


def page(inside: str, truncated: str = "false") -> bytes:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
        f"<IsTruncated>{truncated}</IsTruncated>{inside}</ListBucketResult>"
    )
    return text.encode()


@given(st.lists(KEYS, unique=True, max_size=8))
def test_both_ways_of_reading_agree(keys: list[str]) -> None:
    text = page("".join(contents(f"root/{key}") for key in keys)).decode()
    plain = listing._parse_plain(text, 5)
    assert plain is not None, "as S3 sends it, a page is read the quick way"
    assert plain == listing._parse_any(text, "b", 5)
    instant = datetime(2026, 1, 31, 12, 34, 56, 789000, UTC)
    assert list(plain.entries()) == [Entry(key, 7, "abc-2", instant, "GLACIER_IR") for key in keys]


@pytest.mark.parametrize(
    "fields",
    [
        f"<Size>7</Size><ETag>&#34;abc&#34;</ETag><LastModified>{INSTANT}</LastModified>",
        f"<Size>7</Size><ETag>abc</ETag><LastModified>{INSTANT}</LastModified><StorageClass/>",
        f'<Size>7</Size><ETag>"abc"</ETag><LastModified>{INSTANT}</LastModified>'
        "<Owner><ID>me &amp; you</ID><DisplayName/></Owner><StorageClass>STANDARD</StorageClass>",
        "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>SHA1</ChecksumAlgorithm>"
        f"<Size> 7 </Size><ETag>abc</ETag><LastModified>{INSTANT}</LastModified>",
        "<Size>7</Size><ETag>abc</ETag><LastModified>2026-01-31T12:34:56.789000123Z</LastModified>",
    ],
)
def test_other_shapes_say_the_same(fields: str) -> None:
    (entry,) = parse_page(page(contents("a b", fields)), "b").entries()
    instant = datetime(2026, 1, 31, 12, 34, 56, 789000, UTC)
    assert entry == Entry("a b", 7, "abc", instant, "STANDARD")


def test_an_object_without_a_class_beside_one_that_has_it() -> None:
    plain = f"<Size>7</Size><ETag>abc</ETag><LastModified>{INSTANT}</LastModified>"
    found = parse_page(page(contents("a", plain) + contents("b")), "b").entries()
    assert [entry.storage_class for entry in found] == ["STANDARD", "GLACIER_IR"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>not S3</html>",
        b"\xff\xfe",
        page(contents("a"))[:-1],
        page(contents("a"))[:-30],
        page(contents("a"), truncated="true"),
        page(contents("a"), truncated="true") + b" ",
    ],
    ids=["empty", "html", "bytes", "cut", "cut inside", "no token", "no token, space"],
)
def test_a_page_that_is_not_whole_is_an_error_and_no_end(body: bytes) -> None:
    with pytest.raises(StoreError, match="UnreadableListing"):
        parse_page(body, "b")


def test_the_token_leads_on_only_while_there_is_more() -> None:
    token = "<NextContinuationToken>1/x+y==</NextContinuationToken>"
    assert parse_page(page(token + contents("a"), "true"), "b").token == "1/x+y=="
    assert parse_page(page(token + contents("a"), "false"), "b").token == ""


@pytest.fixture
def proxy(aws: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield proxy


@pytest.mark.parametrize(
    "answer",
    [Answer(RESET), Answer(503, "SlowDown"), Answer(200, content="<ListBucketResult>cut")],
    ids=["reset", "slow down", "cut"],
)
def test_a_page_that_fails_is_asked_again(proxy: FaultProxy, answer: Answer) -> None:
    store = S3Store(f"listed-{uuid.uuid4().hex[:12]}", "root")
    store.client.create_bucket(
        Bucket=store.bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    for key in "abc":
        store.put(key, b"")
    asked: list[Request] = []

    def first_time(request: Request) -> Answer | None:
        if "list-type" not in request.path:
            return None
        asked.append(request)
        return answer if len(asked) % 2 else None

    proxy.rule = first_time

    assert [entry.key for entry in store.list()] == ["a", "b", "c"]
    assert len(asked) == 2
