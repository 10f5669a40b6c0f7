"""Listing a bucket by awscrt: flat, 1,000 keys a page, the next page under way while one is read.

A page as S3 sends it is read by regular expressions, which costs a tenth of an XML tree; whatever
looks unusual goes through the XML parser.
"""

from __future__ import annotations

import random
import re
import time
from concurrent.futures import Future
from datetime import datetime, timezone
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree

from spark_jobs.stores.base import Entry, StoreError
from spark_jobs.stores.crt import CrtS3, Response

Headers = Sequence[Tuple[str, str]]

_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?Z")
_KEYS = re.compile(r"<Key>([^<&]*)</Key>")
_SIZES = re.compile(r"<Size>(\d+)</Size>")
_ETAGS = re.compile(r'<ETag>(?:&quot;|&#34;|")?([^<&"]*)(?:&quot;|&#34;|")?</ETag>')
_INSTANTS = re.compile(r"<LastModified>([^<&]*)Z</LastModified>")
_CLASSES = re.compile(r"<StorageClass>([^<&]*)</StorageClass>")
_TRUNCATED = re.compile(r"<IsTruncated>(true|false)</IsTruncated>")
_TOKEN = re.compile(r"<NextContinuationToken>([^<&]*)</NextContinuationToken>")
_END = "</ListBucketResult>"
_MOST_ATTEMPTS = 5
"""Each of which awscrt repeats by itself for some seconds."""


class Page(NamedTuple):
    """One answer: objects, names below which there is more, and the token of the next page."""

    entries: List[Entry]
    prefixes: List[str]
    token: str


def list_bucket(
    crt: CrtS3, bucket: str, prefix: str, dropped: int = 0, headers: Headers = ()
) -> Iterator[Entry]:
    """All objects whose key begins with ``prefix``, in UTF-8 byte order.

    Their keys are full but for the first ``dropped`` characters; ``headers`` go with each request.
    """
    for page in _pages(crt, bucket, prefix, "", dropped, headers):
        yield from page.entries


def list_directory(crt: CrtS3, bucket: str, prefix: str, headers: Headers = ()) -> List[str]:
    """Names directly below ``prefix``, relative to it; those with more below end in a slash."""
    names: List[str] = []
    for page in _pages(crt, bucket, prefix, "/", len(prefix), headers):
        names += (entry.key for entry in page.entries)
        names += page.prefixes
    return sorted(names)


def _pages(  # noqa: PLR0913, PLR0917 - these are the parts of a listing
    crt: CrtS3, bucket: str, prefix: str, delimiter: str, dropped: int, headers: Headers
) -> Iterator[Page]:
    # Names travel percent-encoded: XML cannot carry every character that a key may hold.
    query = f"list-type=2&encoding-type=url&prefix={quote(prefix, safe='')}"
    if delimiter:
        query += f"&delimiter={quote(delimiter, safe='')}"
    asked = query
    answer: Optional[Future[Response]] = _ask(crt, bucket, asked, headers)
    while answer is not None:
        page = _patient_page(crt, bucket, asked, headers, answer, dropped)
        answer = None
        if page.token:
            asked = f"{query}&continuation-token={quote(page.token, safe='')}"
            answer = _ask(crt, bucket, asked, headers)
        yield page


def _ask(crt: CrtS3, bucket: str, query: str, headers: Headers) -> Future[Response]:
    return crt.send("ListObjectsV2", "GET", bucket, "", headers, query=query)


def _patient_page(  # noqa: PLR0913, PLR0917 - the question again, should its answer be bad
    crt: CrtS3,
    bucket: str,
    query: str,
    headers: Headers,
    answer: Future[Response],
    dropped: int,
) -> Page:
    """The page; what is transient is asked again, with full jitter."""
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        try:
            return parse_page(answer.result().body, bucket, dropped)
        except StoreError as error:
            if not error.transient or attempt == _MOST_ATTEMPTS:
                raise
        time.sleep(random.uniform(0, 0.2 * 2**attempt))
        answer = _ask(crt, bucket, query, headers)
    raise AssertionError("the last attempt returns or raises")


def parse_page(body: bytes, bucket: str, dropped: int = 0) -> Page:
    """What an answer to ListObjectsV2 says; raises StoreError if it is not whole."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _unreadable(bucket) from None
    return _parse_plain(text, dropped) or _parse_any(text, bucket, dropped)


def _parse_plain(text: str, dropped: int) -> Optional[Page]:
    """The page if every object in it has the fields that S3 sends, once and without entities."""
    truncated = _TRUNCATED.search(text)
    if truncated is None or not text.endswith(_END) or "<CommonPrefixes>" in text:
        return None
    token = _TOKEN.search(text) if truncated[1] == "true" else None
    objects = text.count("<Contents>")
    columns = [each.findall(text) for each in (_KEYS, _SIZES, _ETAGS, _INSTANTS)]
    classes = _CLASSES.findall(text) or ["STANDARD"] * objects
    # Equal counts mean that each object has each field once, in whatever order.
    if {objects, len(classes), *map(len, columns)} != {objects}:
        return None
    if (token is None) != (truncated[1] == "false"):
        return None
    entries = []
    try:
        for key, size, etag, modified, storage_class in zip(*columns, classes):
            plain = unquote_plus(key) if "%" in key or "+" in key else key
            instant = datetime.fromisoformat(modified + "+00:00")
            entries.append(
                Entry(plain[dropped:], int(size), etag, instant, storage_class or "STANDARD")
            )
    except ValueError:
        return None
    return Page(entries, [], token[1] if token else "")


def _parse_any(text: str, bucket: str, dropped: int) -> Page:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise _unreadable(bucket) from None
    truncated, token = _text(root, "IsTruncated"), _text(root, "NextContinuationToken")
    if _name(root) != "ListBucketResult" or (truncated == "true" and not token):
        # A listing that ends too early would lose objects in silence.
        raise _unreadable(bucket)
    return Page(
        [_entry(child, dropped) for child in root if _name(child) == "Contents"],
        [
            unquote_plus(_text(child, "Prefix"))[dropped:]
            for child in root
            if _name(child) == "CommonPrefixes"
        ],
        token if truncated == "true" else "",
    )


def _unreadable(bucket: str) -> StoreError:
    return StoreError("UnreadableListing", f"s3://{bucket}", transient=True)


def _entry(element: ElementTree.Element, dropped: int) -> Entry:
    fields = {_name(child): child.text or "" for child in element}
    return Entry(
        unquote_plus(fields["Key"])[dropped:],
        int(fields["Size"]),
        fields["ETag"].strip('"'),
        _instant(fields["LastModified"]),
        fields.get("StorageClass") or "STANDARD",
    )


def _instant(text: str) -> datetime:
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise StoreError("UnreadableListing", "LastModified")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    micros = int((match[7] or "").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, micros, timezone.utc)


def _text(root: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in root if _name(child) == name), "")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
