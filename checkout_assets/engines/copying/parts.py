"""Copy objects that are too large for one request with UploadPartCopy, part by part.

CopyObject copies content type, metadata and tags by itself; here they have to be read and set: S3's
API reference, CreateMultipartUpload.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from checkout_assets.domain.copying import SourceObject
from checkout_assets.engines.copying.terms import CopyTerms
from checkout_assets.engines.interruptible import InterruptedCopyError, interruptibly
from spark_jobs.stores.s3 import etag_in, unreadable_answer

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

PART_BYTES = 512 * 1024**2
"""S3 accepts 10,000 parts of 5 MB to 5 GB: enough for its largest object of 5 TB."""

_ABORT_SECONDS = 10.0
KEPT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "WebsiteRedirectLocation",
)
"""What a copy keeps of an object beside its bytes and tags, as boto3 names it."""


class UnfinishedUploadError(Exception):
    """Copying in parts failed with ``cause``, and its upload could not be aborted."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            "an unfinished upload may be left in raw, which costs storage until it is aborted"
        )
        self.cause = cause


def copy_in_parts(  # noqa: PLR0913, PLR0917 - what such a copy is made of
    source: "S3Store",
    raw: "S3Store",
    found: SourceObject,
    raw_key: str,
    there: str | None,
    terms: CopyTerms,
    cancelled: threading.Event,
    tags_of: Callable[[str], Mapping[str, str]],
) -> str:
    """Copy an object server-side; overwrites only raw's object with the tag ``there``, if any.

    ``tags_of`` returns the tags of the source's object with a key.
    Returns the new tag. Raises boto3's exceptions and StoreError. Raises InterruptedCopyError soon
    after ``cancelled`` is set; the upload is then aborted. Raises UnfinishedUploadError if aborting
    it failed.
    """
    head = interruptibly(partial(source.head, found.key), cancelled)
    target = {"Bucket": raw.bucket, "Key": raw.prefix + raw_key}
    tags = interruptibly(partial(tags_of, found.key), cancelled)
    about_object = {**terms.object_arguments(), **_kept(head), **_tagging(tags)}
    upload = _begin(raw, {**target, **about_object}, cancelled)
    about = {**target, "UploadId": upload}
    complete = partial(raw.client.complete_multipart_upload, **about, **_only_over(there))
    try:
        parts = [
            {
                "PartNumber": part["PartNumber"],
                "ETag": interruptibly(partial(_copy_part, raw, part), cancelled),
            }
            for part in _parts(source, found, {**about, **terms.source_arguments()})
        ]
        answer = interruptibly(partial(complete, MultipartUpload={"Parts": parts}), cancelled)
    except BaseException as error:
        _abort(raw, about, error)
        raise
    return etag_in(answer, raw_key)


def _begin(raw: "S3Store", about: Mapping[str, Any], cancelled: threading.Event) -> str:
    from botocore.exceptions import BotoCoreError

    begin = partial(raw.client.create_multipart_upload, **about)
    try:
        upload = interruptibly(begin, cancelled).get("UploadId")
    except (BotoCoreError, InterruptedCopyError) as error:
        # No response: S3 may have started an upload whose id is unknown.
        raise UnfinishedUploadError(error) from None
    if not upload:
        raise UnfinishedUploadError(unreadable_answer(str(about["Key"])))
    return str(upload)


def _parts(
    source: "S3Store", found: SourceObject, about: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield the arguments of the request for each part."""
    for number, bounds in enumerate(_ranges(found.size), start=1):
        yield {
            **about,
            "PartNumber": number,
            "CopySource": {"Bucket": source.bucket, "Key": source.prefix + found.key},
            "CopySourceIfMatch": f'"{found.etag}"',
            "CopySourceRange": bounds,
        }


def _copy_part(raw: "S3Store", part: Mapping[str, Any]) -> str:
    answer = raw.client.upload_part_copy(**part)
    return etag_in(answer.get("CopyPartResult", {}), str(part["Key"]))


def _abort(raw: "S3Store", about: Mapping[str, Any], cause: BaseException) -> None:
    """Abort the upload, even after a cancellation; raises UnfinishedUploadError if that fails."""
    abort = partial(raw.client.abort_multipart_upload, **about)
    try:
        interruptibly(abort, threading.Event(), _ABORT_SECONDS)
    except Exception as error:
        answer = getattr(error, "response", {})
        if answer.get("Error", {}).get("Code") != "NoSuchUpload":
            raise UnfinishedUploadError(cause) from None


def _only_over(there: str | None) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if there is None else {"IfMatch": f'"{there}"'}


def _ranges(size: int) -> Iterator[str]:
    for first in range(0, size, PART_BYTES):
        yield f"bytes={first}-{min(first + PART_BYTES, size) - 1}"


def _kept(head: Mapping[str, Any]) -> dict[str, Any]:
    return {name: head[name] for name in KEPT_HEADERS if name in head}


def _tagging(tags: Mapping[str, str]) -> dict[str, str]:
    return {"Tagging": urlencode(tags, quote_via=quote)} if tags else {}
