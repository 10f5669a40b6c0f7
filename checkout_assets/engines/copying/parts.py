"""Copying what is too large for one request: UploadPartCopy, part by part.

CopyObject carries content type and metadata over by itself; here they have to be told.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.copying import SourceObject
from checkout_assets.engines.copying.terms import CopyTerms

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

PART_BYTES = 512 * 1024**2
"""S3 takes 10,000 parts of 5 MB to 5 GB: enough for its largest object of 5 TB."""

_KEPT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "WebsiteRedirectLocation",
)


def copy_in_parts(
    source: "S3Store", raw: "S3Store", found: SourceObject, raw_key: str, terms: CopyTerms
) -> str:
    """Copy an object server-side and return its new tag.

    Raises what boto3 raises, and StoreError; then nothing of it is left in raw.
    """
    head = source.head(found.key)
    target = {"Bucket": raw.bucket, "Key": raw.prefix + raw_key, **terms.request_arguments()}
    upload = raw.client.create_multipart_upload(
        **target, **terms.object_arguments(), **_kept(head)
    )["UploadId"]
    try:
        parts = [
            {"PartNumber": number, "ETag": _copy_part(source, raw, found, number, bounds, about)}
            for about in [{**target, **terms.source_arguments(), "UploadId": upload}]
            for number, bounds in enumerate(_ranges(found.size), start=1)
        ]
        done = raw.client.complete_multipart_upload(
            **target, UploadId=upload, MultipartUpload={"Parts": parts}
        )
    except BaseException:
        raw.client.abort_multipart_upload(**target, UploadId=upload)
        raise
    return str(done["ETag"]).strip('"')


def _copy_part(  # noqa: PLR0913, PLR0917 - a part is all of this
    source: "S3Store",
    raw: "S3Store",
    found: SourceObject,
    number: int,
    bounds: str,
    about: Mapping[str, Any],
) -> str:
    answer = raw.client.upload_part_copy(
        **about,
        PartNumber=number,
        CopySource={"Bucket": source.bucket, "Key": source.prefix + found.key},
        CopySourceIfMatch=f'"{found.etag}"',
        CopySourceRange=bounds,
    )
    return str(answer["CopyPartResult"]["ETag"])


def _ranges(size: int) -> Iterator[str]:
    for first in range(0, size, PART_BYTES):
        yield f"bytes={first}-{min(first + PART_BYTES, size) - 1}"


def _kept(head: Mapping[str, Any]) -> dict[str, Any]:
    return {name: head[name] for name in _KEPT_HEADERS if name in head}
