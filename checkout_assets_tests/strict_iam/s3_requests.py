"""What an S3 request needs to be allowed: actions and resources, by S3's reference."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

from checkout_assets_tests.fault_proxy import Request


class UnknownRequestError(Exception):
    """A request whose needs are not known here."""


@dataclass(frozen=True, slots=True)
class Need:
    """An action on a bucket, or on an object of it.

    ``listing`` are the condition keys of a listing; an object that is ``read`` may be missing.
    """

    action: str
    bucket: str
    key: str | None = None
    listing: Mapping[str, str] | None = None
    read: bool = False

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}" + ("" if self.key is None else f"/{self.key}")


HasTags = Callable[[str, str], bool]
"""Whether the object of a bucket has tags."""

_INNOCENT = {"x-id", "list-type", "encoding-type", "max-keys", "continuation-token", "fetch-owner"}
_ON_POLICY = {
    "GET": "s3:GetBucketPolicy",
    "PUT": "s3:PutBucketPolicy",
    "DELETE": "s3:DeleteBucketPolicy",
}
_ON_UPLOAD = {
    "PUT": "s3:PutObject",
    "POST": "s3:PutObject",
    "DELETE": "s3:AbortMultipartUpload",
    "GET": "s3:ListMultipartUploadParts",
}


def needs(request: Request, has_tags: HasTags) -> list[Need]:
    """All that must be allowed; raises UnknownRequestError."""
    address = urlsplit(request.path)
    bucket, _, key = unquote(address.path).lstrip("/").partition("/")
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    asked = query.keys() - _INNOCENT
    if not bucket:
        raise _unknown(request)
    if key:
        return list(_on_object(request, bucket, key, asked, has_tags))
    return list(_on_bucket(request, bucket, query, asked))


def _on_bucket(
    request: Request, bucket: str, query: Mapping[str, str], asked: set[str]
) -> Iterator[Need]:
    method = request.method
    if asked == {"policy"} and method in _ON_POLICY:
        yield Need(_ON_POLICY[method], bucket)
    elif asked == {"delete"} and method == "POST":
        for key in ElementTree.fromstring(request.body).iterfind(".//{*}Object/{*}Key"):
            yield Need("s3:DeleteObject", bucket, key.text or "")
    elif method == "HEAD" and not asked:
        yield Need("s3:ListBucket", bucket, listing={})
    elif method == "GET" and asked <= {"prefix", "delimiter", "start-after"}:
        given = {f"s3:{name}": query[name] for name in ("prefix", "delimiter") if name in query}
        yield Need("s3:ListBucket", bucket, listing=given)
    else:
        raise _unknown(request)


def _on_object(
    request: Request, bucket: str, key: str, asked: set[str], has_tags: HasTags
) -> Iterator[Need]:
    method, headers = request.method, request.headers
    if {"x-amz-acl", "x-amz-bypass-governance-retention"} & headers.keys():
        raise _unknown(request)
    if "x-amz-tagging" in headers and asked != {"uploads"}:
        raise _unknown(request)
    if not asked and method in {"GET", "HEAD"}:
        yield Need("s3:GetObject", bucket, key, read=True)
    elif asked == {"tagging"} and method == "GET":
        yield Need("s3:GetObjectTagging", bucket, key)
    elif not asked and method == "DELETE":
        yield Need("s3:DeleteObject", bucket, key)
    elif not asked and method == "PUT":
        yield Need("s3:PutObject", bucket, key)
        if "if-match" in headers:
            yield Need("s3:GetObject", bucket, key, read=True)
        yield from _of_copy(request, bucket, key, has_tags)
    elif "uploadId" in asked or (asked == {"uploads"} and method == "POST"):
        yield Need(_ON_UPLOAD[method], bucket, key)
        if "if-match" in headers:
            yield Need("s3:GetObject", bucket, key, read=True)
        if "x-amz-tagging" in headers:
            yield Need("s3:PutObjectTagging", bucket, key)
        yield from _of_copy(request, bucket, key, lambda *_: False)
    else:
        raise _unknown(request)


def _of_copy(request: Request, bucket: str, key: str, has_tags: HasTags) -> Iterator[Need]:
    """Copying reads the source; what has tags takes them along."""
    named = request.headers.get("x-amz-copy-source")
    if named is None:
        return
    if re.search(r"\?versionId=", named) or "x-amz-tagging-directive" in request.headers:
        raise _unknown(request)
    source, _, source_key = unquote(named).lstrip("/").partition("/")
    yield Need("s3:GetObject", source, source_key, read=True)
    if has_tags(source, source_key):
        yield Need("s3:GetObjectTagging", source, source_key)
        yield Need("s3:PutObjectTagging", bucket, key)


def _unknown(request: Request) -> UnknownRequestError:
    return UnknownRequestError(f"what {request.method} {request.path} needs is not known")
