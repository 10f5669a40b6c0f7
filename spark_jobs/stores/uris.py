"""S3 URIs, ``s3://bucket/prefix``, read literally: nothing is trimmed, lower-cased or decoded."""

from __future__ import annotations

import re
from typing import Optional, Tuple

_SCHEME = "s3://"
_FORM = "write s3://bucket/prefix"
_BUCKET = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{1,253})[A-Za-z0-9_]")
"""Buckets of us-east-1 made before March 2018 may be up to 255 long, with capitals and underscores:
Amazon S3 User Guide, "General purpose bucket naming rules"."""

_OTHER_SCHEMES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_ACCESS_POINT = re.compile(r"arn:[^/]*:accesspoint(?:[:/]|$)")
_RESERVED = {
    "--x-s3": "a directory bucket, which does not list its keys in order",
    "--ol-s3": "an Object Lambda access point, whose objects S3 cannot copy",
    "--op-s3": "an access point of Outposts, from which S3 cannot copy",
    "--table-s3": "a table bucket, which does not hold plain objects",
    ".mrap": "a multi-region access point, which is used by its ARN only",
}
"""Suffixes that AWS reserves (same page). ``-s3alias`` is missing: it is used like a bucket."""


def parse_s3_uri(uri: str) -> Tuple[str, str]:
    """The bucket, and the prefix without a slash at its end.

    Raises ValueError for anything else; its message is a clause that follows the URI as subject.
    """
    reason = _wrong_form(uri)
    if reason:
        raise ValueError(reason)
    bucket, _, prefix = uri[len(_SCHEME) :].partition("/")
    reason = _wrong_bucket(bucket) or _wrong_prefix(prefix)
    if reason:
        raise ValueError(reason)
    return bucket, prefix[:-1] if prefix.endswith("/") else prefix


def _wrong_form(uri: str) -> Optional[str]:
    if uri != uri.strip():
        return "begins or ends with a space or a line break: remove it"
    if not uri.isprintable():
        return "holds a character that does not print: remove it"
    if uri.startswith("arn:"):
        return _wrong_arn(uri)
    if uri.startswith(_SCHEME):
        return None
    if _OTHER_SCHEMES.match(uri):
        return f"begins with {uri.partition(':')[0]}: and not with s3://: {_FORM}"
    return f"is not an S3 URI: {_FORM}"


def _wrong_bucket(bucket: str) -> Optional[str]:
    if bucket.startswith("arn:"):
        return _wrong_arn(bucket)
    reserved = next((what for ending, what in _RESERVED.items() if bucket.endswith(ending)), "")
    reasons = {
        f"names no bucket: {_FORM}": not bucket,
        "holds an @ where the bucket is: credentials do not belong in a URI": "@" in bucket,
        "holds a : in the bucket: name another S3 server with AWS_ENDPOINT_URL_S3": ":" in bucket,
        "holds a bucket name that S3 does not allow": ".." in bucket
        or not _BUCKET.fullmatch(bucket),
        f"names {reserved}: use a general purpose bucket": bool(reserved),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _wrong_arn(text: str) -> str:
    if _ACCESS_POINT.match(text):
        return "is the ARN of an access point: write its alias, s3://<alias>/prefix"
    return f"is an ARN: {_FORM}"


def _wrong_prefix(prefix: str) -> Optional[str]:
    segments = prefix.split("/")
    reasons = {
        "has an empty segment (//) in its prefix, which in S3 is another place: remove it": ""
        in segments[:-1],
        "has a . or .. segment, which S3 does not resolve: write the prefix itself": not {
            ".",
            "..",
        }.isdisjoint(segments),
        "has a query (?), which an S3 URI does not have: remove it": "?" in prefix,
        "has a fragment (#), which an S3 URI does not have: remove it": "#" in prefix,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
