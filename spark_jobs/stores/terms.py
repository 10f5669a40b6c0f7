"""The terms of a bucket: its expected owner, who pays, and the encryption of new objects.

They are bound to a boto3 client once, so that every request carries them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, List, MutableMapping, Tuple

SSE_S3, SSE_KMS = "AES256", "aws:kms"

_WRITING = frozenset(("PutObject", "CopyObject", "CreateMultipartUpload"))
"""The operations with encryption headers. Parts of an upload inherit its encryption."""


@dataclass(frozen=True)
class StoreTerms:
    """The terms that each request to a bucket carries; for an empty field the bucket's apply.

    ``owner`` is the id of the account that must own the bucket. With ``requester_pays`` the caller
    pays; a requester-pays bucket denies every request without it. ``encryption`` is ``AES256`` or
    ``aws:kms`` (with bucket keys), and ``kms_key`` the id or ARN of a key for the latter.
    """

    owner: str = ""
    requester_pays: bool = False
    encryption: str = ""
    kms_key: str = ""

    def headers(self) -> List[Tuple[str, str]]:
        """The headers of every request."""
        return _given(
            ("x-amz-expected-bucket-owner", self.owner),
            ("x-amz-request-payer", "requester" if self.requester_pays else ""),
        )

    def write_headers(self) -> List[Tuple[str, str]]:
        """The additional headers of a request that creates an object."""
        bucket_key = "true" if self.encryption == SSE_KMS else ""
        return _given(
            ("x-amz-server-side-encryption", self.encryption),
            ("x-amz-server-side-encryption-bucket-key-enabled", bucket_key),
            ("x-amz-server-side-encryption-aws-kms-key-id", self.kms_key),
        )

    def bind(self, client: Any) -> Any:
        """Add the headers to all later requests of a boto3 S3 client; returns the client."""
        client.meta.events.register("before-call.s3", partial(_add_headers, self))
        return client


NO_TERMS = StoreTerms()
"""The bucket's own terms."""


def _add_headers(
    terms: StoreTerms, model: Any, params: MutableMapping[str, Any], **_: object
) -> None:
    params["headers"].update(terms.headers())
    if model.name in _WRITING:
        params["headers"].update(terms.write_headers())


def _given(*headers: Tuple[str, str]) -> List[Tuple[str, str]]:
    return [(name, value) for name, value in headers if value]
