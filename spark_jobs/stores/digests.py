"""Checksums of request bodies, by which S3 servers reject damaged requests.

Amazon S3 gets botocore's CRC-32, which over TLS is a trailer of a chunked body. Some other servers
support neither and reject every write or deletion with it; all of them support Content-MD5.
"""

from __future__ import annotations

from typing import Any, MutableMapping
from urllib.parse import urlsplit

_OPERATIONS = ("PutObject", "DeleteObjects")
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def use_md5_elsewhere(client: Any) -> Any:
    """Make a boto3 client send Content-MD5 unless its server is Amazon S3; returns the client."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    if not host.endswith(_AMAZON):
        for name in _OPERATIONS:
            event = f"before-call.s3.{name}"
            client.meta.events.register(event, _use_md5, unique_id=f"{event}-md5")
    return client


def _use_md5(params: MutableMapping[str, Any], **_: object) -> None:
    from botocore.utils import calculate_md5

    params["context"].pop("checksum", None)
    params["headers"]["Content-MD5"] = calculate_md5(params["body"])
