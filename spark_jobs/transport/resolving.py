"""The endpoint of botocore's own requests, so that the other transport uses the same.

It depends on region, FIPS, dual-stack, a custom endpoint and the kind of bucket name, by rules that
only botocore's resolver implements; ``client.meta.endpoint_url`` comes from an older resolver.
"""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import urlsplit

from spark_jobs.transport.endpoints import Endpoint

_NEVER_SENT = "before-call.s3.GetBucketRequestPayment"


class _ResolvedError(Exception):
    """Ends a request before it is sent; holds its URL and its signing region."""

    def __init__(self, url: str, region: str) -> None:
        super().__init__(url)
        self.url = url
        self.region = region


def endpoint_of(client: Any, bucket: str) -> Endpoint:
    """The endpoint of a bucket for a boto3 client; GetBucketRequestPayment is then unusable on it.

    It trusts the certificates that the client trusts: AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, or those
    of Python's packages; the machine needs none of its own. Raises BotoCoreError or ValueError if
    the client's configuration names no usable endpoint.
    """
    # The handler stays registered: removing it could affect another thread's request.
    client.meta.events.register(_NEVER_SENT, _stop, unique_id=_NEVER_SENT)
    try:
        client.get_bucket_request_payment(Bucket=bucket)
    except _ResolvedError as resolved:
        return _endpoint(resolved, bucket, _trusted(client))
    raise AssertionError("the handler ends every such request")


def _trusted(client: Any) -> str:
    from botocore.httpsession import get_cert_path

    return str(get_cert_path(client._endpoint.http_session._verify) or "")


def _stop(params: Mapping[str, Any], context: Mapping[str, Any], **_: object) -> None:
    region = context.get("signing", {}).get("region") or context["client_region"]
    raise _ResolvedError(params["url"], region)


def _endpoint(resolved: _ResolvedError, bucket: str, ca_bundle: str) -> Endpoint:
    parts = urlsplit(resolved.url)
    base, _, last = parts.path.rstrip("/").rpartition("/")
    by_path = last == bucket
    host = parts.netloc if by_path else parts.netloc[len(bucket) + 1 :]
    path = base if by_path else parts.path.rstrip("/")
    url = f"{parts.scheme}://{host}{path}"
    return Endpoint(url, resolved.region, ca_bundle, virtual_hosts=not by_path)
