"""Listing a bucket by awscrt: flat, 1,000 keys per page; the next page is requested meanwhile.

A page as S3 sends it is read by regular expressions, which costs a tenth of an XML tree; any
unusual page goes through the XML parser.
"""

from __future__ import annotations

import random
import re
import time
from concurrent.futures import Future
from datetime import datetime, timezone
from functools import partial
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Protocol
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree

from spark_jobs.refusals import ENDLESS_LISTING
from spark_jobs.store_errors import StoreError
from spark_jobs.stores.base import Entry
from spark_jobs.transport.answers import Headers, Response
from spark_jobs.transport.calls import LONGEST_TRYING_SECONDS
from spark_jobs.transport.client import CrtS3

_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?", re.ASCII)
_SIZE = re.compile("[0-9]{1,18}")
"""A number of bytes that a manifest can hold: ``int`` alone also accepts signs and underscores."""
_KEYS = re.compile(r"<Key>([^<&]+)</Key>")
_SIZES = re.compile(f"<Size>({_SIZE.pattern})</Size>")
_TAG = re.compile("[!-~]+")
"""The characters of an entity tag that may be sent in a request header."""
_ETAGS = re.compile(r"""<ETag>(?:&quot;|&#34;|")?([!#-%'-;=-~]+)(?:&quot;|&#34;|")?</ETag>""")
_INSTANTS = re.compile(r"<LastModified>([0-9-]+T[0-9:.]+)Z</LastModified>")
_CLASSES = re.compile(r"<StorageClass>([^<&]*)</StorageClass>")
_TRUNCATED = re.compile(r"<IsTruncated>(true|false)</IsTruncated>")
_TOKEN = re.compile(r"<NextContinuationToken>([^<&]*)</NextContinuationToken>")
_IS_TRUE: Dict[str, bool] = {"true": True, "1": True, "false": False, "0": False}
"""An XML Schema boolean."""
_ENCODED = "<EncodingType>url</EncodingType>"
_DECODERS: Dict[str, Callable[[str], str]] = {"url": unquote_plus, "": str}
"""By ``EncodingType``: a server may ignore the requested encoding; then a plus is literal."""

_END = "</ListBucketResult>"
_MOST_ATTEMPTS = 5
"""Attempts per page, each with the transport's own retries."""

_MOST_EMPTY_PAGES = 1000
"""In a row; S3 may send empty pages where many objects were deleted."""


class Page(NamedTuple):
    """One page, column by column: objects, common prefixes, and the token of the next page.

    Times are as S3 sends them, without the zone, which is UTC.
    """

    keys: List[str]
    sizes: List[int]
    etags: List[str]
    modified: List[str]
    classes: List[str]
    prefixes: List[str]
    token: str

    def entries(self) -> Iterator[Entry]:
        """The objects, one by one; raises StoreError for an invalid time."""
        instants = _instants_of(self.modified)
        return map(Entry, self.keys, self.sizes, self.etags, instants, self.classes)

    def first(self, count: int) -> Page:
        """A page with only the first ``count`` objects, marked as not the last."""
        return self._part(slice(count))

    def rest(self, count: int) -> Page:
        """The page without its first ``count`` objects."""
        return self._part(slice(count, None))

    def _part(self, some: slice) -> Page:
        return Page(
            self.keys[some],
            self.sizes[some],
            self.etags[some],
            self.modified[some],
            self.classes[some],
            [],
            self.token,
        )


class PageSource(Protocol):
    """A listing that can be requested page by page, such as ``Question``."""

    @property
    def dropped(self) -> int:
        """The number of first characters that pages leave out of each key."""

    @property
    def prefix(self) -> str:
        """The prefix of all keys."""

    def ask(self, after: str = "", token: str = "") -> Callable[[], Page]:
        """Request a page at once; the returned function waits for it."""


class Question(NamedTuple):
    """A listing of a bucket: all keys that begin with ``prefix``, in UTF-8 byte order.

    Keys are returned without their first ``dropped`` characters. Every request has ``headers``.
    """

    crt: CrtS3
    bucket: str
    prefix: str
    dropped: int = 0
    headers: Headers = ()
    delimiter: str = ""

    def ask(self, after: str = "", token: str = "") -> Callable[[], Page]:
        """Request what follows the key ``after``, or the page that returned ``token``.

        The request starts at once. The returned function waits for the page; it raises StoreError.
        """
        # Keys are requested percent-encoded: XML cannot hold every character that a key may have.
        query = f"list-type=2&encoding-type=url&prefix={quote(self.prefix, safe='')}"
        if self.delimiter:
            query += f"&delimiter={quote(self.delimiter, safe='')}"
        if after:
            query += f"&start-after={quote(after, safe='')}"
        if token:
            query += f"&continuation-token={quote(token, safe='')}"
        return partial(self._page, query, self._send(query))

    def _send(self, query: str) -> Future[Response]:
        return self.crt.send("GET", self.bucket, "", self.headers, query=query)

    def _page(self, query: str, answer: Future[Response]) -> Page:
        """The page; transient errors are retried with full jitter."""
        began = time.monotonic()
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            try:
                return self._below(parse_page(answer.result().body, self.bucket))
            except StoreError as error:
                late = time.monotonic() - began > LONGEST_TRYING_SECONDS
                if not error.transient or attempt == _MOST_ATTEMPTS or late:
                    raise
            time.sleep(random.uniform(0, 0.2 * 2**attempt))
            answer = self._send(query)
        raise AssertionError("the last attempt returns or raises")

    def _below(self, page: Page) -> Page:
        """The page with shortened names; raises StoreError if one does not begin with the prefix.

        Then the names may be encoded although the response does not say so.
        """
        names = [*page.keys, *page.prefixes]
        # Sorted, all names with the prefix are adjacent: checking the first and last is enough.
        ends = (min(names), max(names)) if names else ()
        if not all(name.startswith(self.prefix) for name in ends):
            raise _unreadable(self.bucket)
        if not self.dropped:
            return page
        keys, prefixes = ([n[self.dropped :] for n in some] for some in (page.keys, page.prefixes))
        return page._replace(keys=keys, prefixes=prefixes)


class Advance:
    """Detects a listing that never ends, because the server repeats pages.

    One token is remembered, and replaced after 1, 2, 4, 8... pages: so a cycle of any length is
    found before its third repetition ends (Brent's algorithm).
    """

    def __init__(self) -> None:
        self._pages = self._empty = 0
        self._token = ""
        self._key: List[str] = []
        self._prefix: List[str] = []

    def check(self, page: Page) -> Page:
        """The page; raises StoreError if it repeats earlier pages."""
        if not page.token:
            return page
        # Other servers may list the objects directly below the prefix before the deeper ones.
        ahead = page.keys[-1:] > self._key or page.prefixes[-1:] > self._prefix
        holds = bool(page.keys or page.prefixes)
        self._empty = 0 if holds else self._empty + 1
        repeats = page.token == self._token or (holds and not ahead)
        if repeats or self._empty > _MOST_EMPTY_PAGES:
            raise StoreError(ENDLESS_LISTING, "the listing")
        self._pages += 1
        if self._pages & (self._pages - 1) == 0:
            self._token = page.token
        self._key = page.keys[-1:] or self._key
        self._prefix = page.prefixes[-1:] or self._prefix
        return page


def list_pages(question: PageSource, token: str = "") -> Iterator[Page]:
    """All pages, or all after the one that returned ``token``; the next is requested meanwhile."""
    advance = Advance()
    answer: Optional[Callable[[], Page]] = question.ask(token=token)
    while answer is not None:
        page = advance.check(answer())
        answer = question.ask(token=page.token) if page.token else None
        yield page


def list_directory(crt: CrtS3, bucket: str, prefix: str, headers: Headers = ()) -> List[str]:
    """Names directly below ``prefix``, relative to it; common prefixes end in a slash."""
    names: List[str] = []
    for page in list_pages(Question(crt, bucket, prefix, len(prefix), headers, "/")):
        names += page.keys
        names += page.prefixes
    # Some servers repeat a name on the next page.
    return sorted(set(names))


def parse_page(body: bytes, bucket: str) -> Page:
    """The page in a response to ListObjectsV2; raises StoreError if it is incomplete."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _unreadable(bucket) from None
    return _parse_plain(text) or _parse_any(text, bucket)


def _parse_plain(text: str) -> Optional[Page]:
    """The page if each object has S3's fields exactly once and without XML entities, else None."""
    truncated = _TRUNCATED.search(text)
    if truncated is None or not text.endswith(_END) or "<CommonPrefixes>" in text:
        return None
    token = _TOKEN.search(text) if truncated[1] == "true" else None
    objects = text.count("<Contents>")
    columns = [each.findall(text) for each in (_KEYS, _SIZES, _ETAGS, _INSTANTS)]
    classes = _CLASSES.findall(text) or ["STANDARD"] * objects
    # Equal counts mean that each object has each field once, in any order.
    if {objects, len(classes), *map(len, columns)} != {objects}:
        return None
    if (token is None) != (truncated[1] == "false"):
        return None
    keys, sizes, etags, modified = columns
    encoded = _ENCODED in text
    if not encoded and "<EncodingType" in text:
        return None
    if encoded:
        keys = [unquote_plus(key) if "%" in key or "+" in key else key for key in keys]
    return Page(
        keys,
        list(map(int, sizes)),
        etags,
        modified,
        classes if "" not in classes else [name or "STANDARD" for name in classes],
        [],
        token[1] if token else "",
    )


def _parse_any(text: str, bucket: str) -> Page:
    try:
        return _page_of(ElementTree.fromstring(text))
    except (ElementTree.ParseError, KeyError, ValueError):
        raise _unreadable(bucket) from None


def _page_of(root: ElementTree.Element) -> Page:
    """The page; raises KeyError or ValueError if a field is missing or invalid.

    ``IsTruncated`` is required: if a listing ended too early, objects would be lost unnoticed.
    """
    if _name(root) != "ListBucketResult":
        raise ValueError("this is another document")
    token = _text(root, "NextContinuationToken")
    truncated = _IS_TRUE[_word(root, "IsTruncated")]
    if truncated and not token:
        raise ValueError("there is more, but no token leads to it")
    objects = [_fields(child) for child in root if _name(child) == "Contents"]
    decoded = _DECODERS[_word(root, "EncodingType")]
    return Page(
        [decoded(_some(fields["Key"])) for fields in objects],
        [told_size(fields["Size"]) for fields in objects],
        [_tag(fields["ETag"]) for fields in objects],
        [_checked_time(fields["LastModified"]) for fields in objects],
        [fields.get("StorageClass") or "STANDARD" for fields in objects],
        [decoded(_text(child, "Prefix")) for child in root if _name(child) == "CommonPrefixes"],
        token if truncated else "",
    )


def _fields(element: ElementTree.Element) -> Dict[str, str]:
    return {_name(child): child.text or "" for child in element}


def _unreadable(bucket: str) -> StoreError:
    return StoreError("UnreadableListing", f"s3://{bucket}", transient=True)


def _some(text: str) -> str:
    if not text:
        raise ValueError("a field is empty")
    return text


def _tag(text: str) -> str:
    tag = text.strip().strip('"')
    if not _TAG.fullmatch(tag):
        raise ValueError("this is not a tag")
    return tag


def told_size(text: str) -> int:
    """The number of bytes in a response; raises ValueError for anything else."""
    digits = text.strip()
    if not _SIZE.fullmatch(digits):
        raise ValueError("this is not a number of bytes")
    return int(digits)


def _checked_time(text: str) -> str:
    if not text.endswith("Z"):
        raise ValueError("a time is not in UTC")
    _instant(text[:-1])
    return text[:-1]


def _instants_of(texts: List[str]) -> List[datetime]:
    try:
        return [datetime.fromisoformat(text + "+00:00") for text in texts]
    except ValueError:  # Python 3.9 accepts only fractions of 3 or 6 digits
        pass
    try:
        return list(map(_instant, texts))
    except ValueError:
        raise StoreError("UnreadableListing", "LastModified", transient=True) from None


def _instant(text: str) -> datetime:
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("this is not a time")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    micros = int((match[7] or "").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, micros, timezone.utc)


def _word(root: ElementTree.Element, name: str) -> str:
    return _text(root, name).strip().lower()


def _text(root: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in root if _name(child) == name), "")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
