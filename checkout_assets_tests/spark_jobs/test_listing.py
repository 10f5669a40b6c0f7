"""Pages of a listing: read quickly where they are as S3 sends them, and exactly in any case."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request
from spark_jobs.stores import Entry, S3Store, StoreError, listing
from spark_jobs.stores.listing import Page, Question, list_pages, parse_page
from spark_jobs.stores.ranges import list_ranges
from spark_jobs.transport.answers import Response

INSTANT = "2026-01-31T12:34:56.789Z"
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def contents(key: str, fields: str = "") -> str:
    told = fields or (
        f"<LastModified>{INSTANT}</LastModified><ETag>&quot;abc-2&quot;</ETag><Size>7</Size>"
        "<StorageClass>GLACIER_IR</StorageClass>"
    )
    return f"<Contents><Key>{quote_plus(key, safe='/')}</Key>{told}</Contents>"


def page(inside: str, truncated: str = "false", encoding: str = "url") -> bytes:
    told = f"<EncodingType>{encoding}</EncodingType>" if encoding else ""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
        f"{told}<IsTruncated>{truncated}</IsTruncated>{inside}</ListBucketResult>"
    )
    return text.encode()


@given(st.lists(KEYS, unique=True, max_size=8))
def test_both_ways_of_reading_agree(keys: list[str]) -> None:
    text = page("".join(contents(f"root/{key}") for key in keys)).decode()
    plain = listing._parse_plain(text)
    assert plain is not None, "as S3 sends it, a page is read the quick way"
    assert plain == listing._parse_any(text, "b")
    instant = datetime(2026, 1, 31, 12, 34, 56, 789000, UTC)
    assert list(plain.entries()) == [
        Entry(f"root/{key}", 7, "abc-2", instant, "GLACIER_IR") for key in keys
    ]


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


AS_THEY_ARE = ["a+b", "100%", "%2F", "a%20b", "+", "a&amp;b+c"]


@pytest.mark.parametrize("key", AS_THEY_ARE)
@pytest.mark.parametrize("read", ["quick", "any"])
def test_what_a_server_does_not_encode_is_not_decoded(key: str, read: str) -> None:
    fields = (
        f"<Size>7</Size><ETag>abc</ETag><LastModified>{INSTANT}</LastModified>"
        + f"<Owner><ID>{key}</ID></Owner>" * (read == "any")
    )
    prefix = f"<CommonPrefixes><Prefix>{key}/</Prefix></CommonPrefixes>" * (read == "any")
    body = page(f"<Contents><Key>{key}</Key>{fields}</Contents>{prefix}", encoding="")

    found = parse_page(body, "b")

    wanted = key.replace("&amp;", "&")
    assert found.keys == [wanted]
    assert found.prefixes == [f"{wanted}/"] * (read == "any")


def test_what_a_server_encodes_is_decoded_in_both_columns() -> None:
    below = "<CommonPrefixes><Prefix>a+b%2Bc%2F/</Prefix></CommonPrefixes>"
    found = parse_page(page(contents("a b+c/") + below), "b")
    assert (found.keys, found.prefixes) == (["a b+c/"], ["a b+c//"])


@pytest.mark.parametrize("read", ["quick", "any"])
@pytest.mark.parametrize("told", ["URL", "Url", " url\n"])
def test_an_encoding_is_understood_however_it_is_written(told: str, read: str) -> None:
    below = "<CommonPrefixes><Prefix>a%2B+b/</Prefix></CommonPrefixes>" * (read == "any")
    found = parse_page(page(contents("a+ b%0A\u00e9") + below, encoding=told), "b")
    assert found.keys == ["a+ b%0A\u00e9"]
    assert found.prefixes == ["a+ b/"] * (read == "any")


def test_an_encoding_behind_the_objects_counts_as_well() -> None:
    behind = f"{contents('a+b')}<EncodingType>url</EncodingType>"
    assert parse_page(page(behind, encoding=""), "b").keys == ["a+b"]


def test_names_in_an_unknown_encoding_are_not_read() -> None:
    with pytest.raises(StoreError, match="UnreadableListing"):
        parse_page(page(contents("a"), encoding="base64"), "b")


@pytest.mark.parametrize(
    ("prefix", "dropped", "key"),
    [
        ("raw/", 4, "raw%2Fa"),
        ("raw/0A/", 4, "raw/0A%2Fa"),
        ("a+b/", 0, "a%2Bb/c"),
        ("raw/", 4, "rawer/a"),
        ("raw/0A/", 4, "a"),
    ],
)
@pytest.mark.parametrize("listed", [list_pages, lambda question: list_ranges(question, 4)])
def test_names_that_do_not_begin_with_the_prefix_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    listed: Callable[[Question], Iterator[Page]],
    prefix: str,
    dropped: int,
    key: str,
) -> None:
    fields = f"<Size>7</Size><ETag>abc</ETag><LastModified>{INSTANT}</LastModified>"
    rest = "".join(
        f"<Contents><Key>{name}</Key>{fields}</Contents>" for name in (f"{prefix}~", key)
    )
    below = f"<CommonPrefixes><Prefix>{key}/</Prefix></CommonPrefixes>"
    monkeypatch.setattr(listing.time, "sleep", lambda _: None)
    for inside in (rest, below):
        question, _ = answering(monkeypatch, page(inside, encoding=""))
        with pytest.raises(StoreError, match="UnreadableListing"):
            list(listed(question._replace(prefix=prefix, dropped=dropped)))


def answering(monkeypatch: pytest.MonkeyPatch, *bodies: bytes) -> tuple[Question, list[str]]:
    """A question that is answered with these, one after the other and over again."""
    asked: list[str] = []

    def send(question: Question, query: str) -> Future[Response]:
        asked.append(query)
        future: Future[Response] = Future()
        future.set_result(Response(200, (), bodies[(len(asked) - 1) % len(bodies)]))
        return future

    monkeypatch.setattr(Question, "_send", send)
    return Question(None, "b", ""), asked  # type: ignore[arg-type]


def token(text: str) -> str:
    return f"<NextContinuationToken>{text}</NextContinuationToken>"


def below(name: str) -> str:
    return f"<CommonPrefixes><Prefix>{name}/</Prefix></CommonPrefixes>"


FIELDS = {
    "Key": "a",
    "LastModified": INSTANT,
    "ETag": "&quot;abc&quot;",
    "Size": "7",
    "StorageClass": "STANDARD",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Key", ""),
        ("ETag", ""),
        ("ETag", "&quot;&quot;"),
        ("ETag", "a&#13;&#10;x-header: b"),
        ("ETag", "a b"),
        ("ETag", "\u00e9"),
        ("Size", ""),
        ("Size", "-1"),
        ("Size", "+7"),
        ("Size", "1_000"),
        ("Size", "7.0"),
        ("Size", "1e3"),
        ("Size", "\u0667"),
        ("Size", "9" * 19),
        ("Size", "9" * 5000),
        ("LastModified", "2026-01-31Z"),
        ("LastModified", "2026-W05-6Z"),
        ("LastModified", "2026-13-01T00:00:00Z"),
        ("LastModified", "2026-01-31T24:60:00Z"),
        ("LastModified", "0000-01-31T12:00:00Z"),
        ("LastModified", "2026-01-31T12:00:00+02:00"),
        ("LastModified", "2026-01-31T12:00:00+02:00Z"),
        ("LastModified", "\u0662\u0660\u0662\u0666-01-31T12:00:00Z"),
        ("LastModified", "Sat, 31 Jan 2026 12:00:00 GMT"),
        ("LastModified", ":2026-01-31T12:00:00Z"),
    ],
)
@pytest.mark.parametrize("read", ["quick", "any"])
def test_a_value_that_s3_never_sends_makes_the_page_unreadable(
    field: str, value: str, read: str
) -> None:
    told = "".join(f"<{name}>{text}</{name}>" for name, text in {**FIELDS, field: value}.items())
    inside = f"<Contents>{told}</Contents>{below('d') * (read == 'any')}"
    with pytest.raises(StoreError, match="UnreadableListing") as caught:
        list(parse_page(page(inside), "b").entries())
    assert caught.value.transient


@pytest.mark.parametrize("told", ["", "yes", "null", "tru"])
def test_a_page_that_does_not_say_whether_there_is_more_is_no_end(told: str) -> None:
    with pytest.raises(StoreError, match="UnreadableListing"):
        parse_page(page(token("A") + contents("a"), told), "b")
    unsaid = page(contents("a")).replace(b"<IsTruncated>false</IsTruncated>", b"")
    with pytest.raises(StoreError, match="UnreadableListing"):
        parse_page(unsaid, "b")


@pytest.mark.parametrize(
    ("told", "leads_to"), [(" true\n", "A"), ("True", "A"), ("1", "A"), ("FALSE", ""), ("0", "")]
)
def test_whether_there_is_more_is_understood_however_it_is_written(
    told: str, leads_to: str
) -> None:
    assert parse_page(page(token("A") + contents("a"), told), "b").token == leads_to


def test_a_directory_that_is_listed_on_two_pages_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [page(below("d") + token("A"), "true"), page(below("d") + below("e"))]
    answering(monkeypatch, *pages)
    assert listing.list_directory(None, "b", "") == ["d/", "e/"]  # type: ignore[arg-type]


@given(st.binary(max_size=200), st.text(max_size=50))
def test_whatever_a_server_sends_is_a_page_or_unreadable(data: bytes, text: str) -> None:
    whole = page(contents("a"))
    at = len(data) % len(whole)
    for body in (data, whole[:at] + data + whole[at:], whole.replace(b"abc", text.encode())):
        with suppress(StoreError):
            list(parse_page(body, "b").entries())


CIRCLES = {
    "no keys": [page(token("A"), "true")],
    "the same keys": [page(token("A") + contents("k"), "true")],
    "two tokens": [page(token("A"), "true"), page(token("B"), "true")],
    "twenty tokens": [page(token(str(number)), "true") for number in range(20)],
    "a tail first": [page(token(str(min(n, 3 + n % 2))), "true") for n in range(5000)],
    "other tokens, the same keys": [
        page(token(str(number)) + contents("k"), "true") for number in range(5000)
    ],
    "other tokens, no keys": [page(token(str(number)), "true") for number in range(5000)],
    "the same directories": [page(token(str(n)) + below("d"), "true") for n in range(5000)],
    "one token, other keys": [
        page(token("A") + contents(f"{number:04}"), "true") for number in range(5000)
    ],
}


@pytest.mark.parametrize("bodies", CIRCLES.values(), ids=CIRCLES)
@pytest.mark.parametrize("listed", [list_pages, lambda question: list_ranges(question, 4)])
def test_a_listing_that_goes_in_circles_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    bodies: list[bytes],
    listed: Callable[[Question], Iterator[Page]],
) -> None:
    question, asked = answering(monkeypatch, *bodies)
    with pytest.raises(StoreError, match="EndlessListing") as caught:
        list(listed(question))
    assert not caught.value.transient
    assert len(asked) < 1100


def test_empty_pages_and_many_tokens_are_no_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [
        page(token(str(number)) + (contents(f"{number:04}") if number % 3 else ""), "true")
        for number in range(3000)
    ]
    question, _ = answering(monkeypatch, *bodies, page(contents("last")))
    assert sum(len(found.keys) for found in list_pages(question)) == 2001


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
