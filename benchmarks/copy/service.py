"""The stub's S3 operations, from a request's bytes to a response's bytes.

Most requests are copies: their response is prepared except for the entity tag.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes
from xml.sax.saxutils import escape

from benchmarks.copy.bucket import RAW_MODIFIED, Bucket, Kept, Listed, Page, Refused

_XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_REASONS = {
    200: b"OK", 204: b"No Content", 400: b"Bad Request", 403: b"Forbidden", 404: b"Not Found",
    412: b"Precondition Failed", 501: b"Not Implemented", 503: b"Slow Down",
}  # fmt: skip
_HTTP_DATE = b"Thu, 01 Jan 2026 00:00:00 GMT"
_MOST_KEYS = 1000
_COPY_RESULT = (
    _XML + b"<CopyObjectResult" + _SPACE + b"><LastModified>" + RAW_MODIFIED + b"</LastModified>"
    b"<ETag>&quot;%b&quot;</ETag></CopyObjectResult>"
)
_DELETED_KEY = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)


def rendered(status: int, body: bytes = b"", headers: bytes = b"") -> bytes:
    """A response's bytes; ``headers`` each end in CRLF."""
    return b"HTTP/1.1 %d %b\r\nServer: stub\r\n%bContent-Length: %d\r\n\r\n%b" % (
        status, _REASONS[status], headers, len(body), body,
    )  # fmt: skip


def refusal(status: int, code: str) -> bytes:
    """An error as S3 renders it."""
    body = _XML + b"<Error><Code>%b</Code><Message>stub</Message></Error>" % code.encode()
    return rendered(status, body, b"Content-Type: application/xml\r\n")


SLOW_DOWN = refusal(503, "SlowDown")
ERROR_IN_200 = refusal(200, "InternalError")
_COPIED = rendered(200, _COPY_RESULT % (b"%b" + b" " * 30), b"Content-Type: application/xml\r\n")
# The placeholder is as long as an entity tag, so that the length above is right.
_COPIED = _COPIED.replace(b"%b" + b" " * 30, b"%b")


class Service:
    """The buckets, and the number of requests per operation."""

    def __init__(self, buckets: dict[bytes, Bucket]) -> None:
        self.buckets = buckets
        self.asked: Counter[str] = Counter()
        self._by_method: dict[bytes, Callable[[Request], bytes]] = {
            b"PUT": self._put,
            b"GET": self._get,
            b"HEAD": self._head,
            b"DELETE": self._delete,
            b"POST": self._post,
        }

    def answer(self, request: "Request") -> bytes:
        """The complete response; HEAD has no body."""
        try:
            return self._by_method[request.method](request)
        except Refused as refused:
            status, code = refused.args
            return rendered(status) if request.method == b"HEAD" else refusal(status, code)

    def state(self) -> bytes:
        """The buckets' counts and the requests, for the benchmark."""
        counts = {
            name.decode(): {"numbered": bucket.count(), "kept": bucket.kept_count()}
            for name, bucket in self.buckets.items()
        }
        return rendered(200, json.dumps({"buckets": counts, "asked": self.asked}).encode())

    def _bucket(self, request: "Request") -> Bucket:
        bucket = self.buckets.get(request.bucket)
        if bucket is None:
            raise Refused(404, "NoSuchBucket")
        return bucket

    def _put(self, request: "Request") -> bytes:
        bucket = self._bucket(request)
        source = request.header(b"x-amz-copy-source")
        if source is not None:
            return self._copy(request, bucket, source)
        self.asked["PutObject"] += 1
        if request.query or not request.key:
            return rendered(200) if not request.key else refusal(501, "NotImplemented")
        etag = bucket.put(
            request.key,
            request.content(),
            _bare(request.header(b"if-match")),
            request.header(b"if-none-match") == b"*",
        )
        return rendered(200, headers=b'ETag: "%b"\r\n' % etag)

    def _copy(self, request: "Request", bucket: Bucket, place: bytes) -> bytes:
        self.asked["CopyObject"] += 1
        if request.query:
            raise Refused(501, "NotImplemented")
        name, _, key = (
            (unquote_to_bytes(place) if b"%" in place else place).lstrip(b"/").partition(b"/")
        )
        source = self.buckets.get(name)
        if source is None:
            raise Refused(404, "NoSuchBucket")
        wanted = _bare(request.header(b"x-amz-copy-source-if-match"))
        if wanted is not None and wanted != source.etag(key):
            raise Refused(412, "PreconditionFailed")
        bucket.check_condition(
            request.key,
            _bare(request.header(b"if-match")),
            request.header(b"if-none-match") == b"*",
        )
        return _COPIED % bucket.receive(request.key, source, key)

    def _get(self, request: "Request") -> bytes:
        bucket = self._bucket(request)
        if not request.key:
            return self._about_bucket(request, bucket)
        self.asked["GetObject"] += 1
        found = self._found(request, bucket)
        return rendered(200, found.body, _object_headers(found))

    def _head(self, request: "Request") -> bytes:
        bucket = self._bucket(request)
        if not request.key:
            self.asked["HeadBucket"] += 1
            return rendered(200, headers=b"x-amz-bucket-region: us-east-2\r\n")
        self.asked["HeadObject"] += 1
        found = self._found(request, bucket)
        whole = rendered(200, found.body, _object_headers(found))
        return whole[: len(whole) - len(found.body)]

    @staticmethod
    def _found(request: "Request", bucket: Bucket) -> Kept:
        found = bucket.get(request.key)
        if_match = _bare(request.header(b"if-match"))
        if if_match is not None and if_match != found.etag:
            raise Refused(412, "PreconditionFailed")
        return found

    def _delete(self, request: "Request") -> bytes:
        self.asked["DeleteObject"] += 1
        bucket = self._bucket(request)
        if_match = _bare(request.header(b"if-match"))
        if if_match is not None and if_match != bucket.etag(request.key):
            raise Refused(412, "PreconditionFailed")
        bucket.delete(request.key)
        return rendered(204)

    def _post(self, request: "Request") -> bytes:
        bucket = self._bucket(request)
        if "delete" not in request.query:
            raise Refused(501, "NotImplemented")
        self.asked["DeleteObjects"] += 1
        for key in _DELETED_KEY.findall(request.content()):
            plain = key.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&quot;", b'"')
            bucket.delete(plain.replace(b"&amp;", b"&"))
        return rendered(200, _XML + b"<DeleteResult" + _SPACE + b"></DeleteResult>")

    def _about_bucket(self, request: "Request", bucket: Bucket) -> bytes:
        if "location" in request.query:
            body = b"<LocationConstraint" + _SPACE + b">us-east-2</LocationConstraint>"
            return rendered(200, _XML + body)
        if request.query.get("list-type") != "2":
            raise Refused(501, "NotImplemented")
        self.asked["ListObjectsV2"] += 1
        asked = request.query
        token = asked.get("continuation-token", "")
        after = bytes.fromhex(token) if token else asked.get("start-after", "").encode()
        most = min(int(asked.get("max-keys", _MOST_KEYS)), _MOST_KEYS)
        page = bucket.page(
            asked.get("prefix", "").encode(), after, most, asked.get("delimiter", "").encode()
        )
        body = _listing(page, request, most)
        return rendered(200, body, b"Content-Type: application/xml\r\n")


class Request:
    """A parsed request; headers are searched only when needed."""

    __slots__ = ("_body", "_head", "_lowered", "bucket", "key", "method", "query")

    def __init__(self, head: bytes, lowered: bytes, body: bytes) -> None:
        self._head, self._lowered, self._body = head, lowered, body
        self.method, target, _ = head[: head.find(b"\r\n")].split(b" ", 2)
        path, _, query = target.partition(b"?")
        if b"%" in path:
            path = unquote_to_bytes(path)
        self.bucket, _, self.key = path[1:].partition(b"/")
        self.query = dict(parse_qsl(query.decode(), keep_blank_values=True)) if query else {}
        self.query.pop("x-id", None)

    def header(self, name: bytes) -> bytes | None:
        """A header's value; ``name`` in lower case."""
        at = self._lowered.find(b"\r\n" + name + b":")
        if at < 0:
            return None
        first = at + len(name) + 3
        return self._head[first : self._head.find(b"\r\n", first)].strip()

    def content(self) -> bytes:
        """The body, decoded if it was sent in signed chunks."""
        if self.header(b"x-amz-decoded-content-length") is None:
            return self._body
        pieces, rest = [], self._body
        while rest:
            line, _, rest = rest.partition(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            if not size:
                break
            pieces.append(rest[:size])
            rest = rest[size + 2 :]
        return b"".join(pieces)


def _listing(page: Page, request: Request, most: int) -> bytes:
    is_url = request.query.get("encoding-type") == "url"
    entries = _contents(page.entries, is_url)
    prefixes = b"".join(
        b"<CommonPrefixes><Prefix>%b</Prefix></CommonPrefixes>" % _text(prefix, is_url)
        for prefix in page.prefixes
    )
    more = b"false" if page.after is None else b"true"
    token = b"" if page.after is None else page.after.hex().encode()
    return b"".join(
        (
            _XML, b"<ListBucketResult", _SPACE, b"><Name>", request.bucket, b"</Name><Prefix>",
            _text(request.query.get("prefix", "").encode(), is_url), b"</Prefix><KeyCount>",
            str(len(page.entries) + len(page.prefixes)).encode(), b"</KeyCount><MaxKeys>",
            str(most).encode(), b"</MaxKeys><IsTruncated>", more, b"</IsTruncated>",
            b"<EncodingType>url</EncodingType>" if is_url else b"",
            b"<NextContinuationToken>%b</NextContinuationToken>" % token if token else b"",
            entries, prefixes, b"</ListBucketResult>",
        )
    )  # fmt: skip


_CONTENTS = (
    b"<Contents><Key>%b</Key><Size>%d</Size><ETag>&quot;%b&quot;</ETag>"
    b"<LastModified>%b</LastModified><StorageClass>STANDARD</StorageClass></Contents>"
)


def _contents(entries: Sequence[Listed], is_url: bool) -> bytes:
    if not _PLAIN.fullmatch(b"".join([entry.key for entry in entries])):
        entries = [entry._replace(key=_text(entry.key, is_url)) for entry in entries]
    return b"".join([_CONTENTS % entry for entry in entries])


_PLAIN = re.compile(rb"[A-Za-z0-9/._-]*")


def _text(key: bytes, is_url: bool) -> bytes:
    if _PLAIN.fullmatch(key):
        return key
    return quote_plus(key, safe="/").encode() if is_url else escape(key.decode()).encode()


def _object_headers(found: Kept) -> bytes:
    return b'ETag: "%b"\r\nLast-Modified: %b\r\nContent-Type: application/json\r\n' % (
        found.etag,
        _HTTP_DATE,
    )


def _bare(etag: bytes | None) -> bytes | None:
    return None if etag is None else etag.strip(b'"')
