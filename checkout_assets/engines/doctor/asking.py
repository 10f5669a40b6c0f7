"""Read requests to AWS, never changes; an error says which permission is missing."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.engines.doctor.settling import AGAIN, UnseenError
from checkout_assets.engines.failed_requests import code_of, no_answer
from spark_jobs.refusals import meaning_of
from spark_jobs.service_codes import is_denied

_READS = ("describe_", "get_", "head_", "list_")
_ACTIONS = {
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
}
"""Permissions whose name differs from the operation's."""

_PREFIXES = {"emr": "elasticmapreduce", "service-quotas": "servicequotas"}


def ask(
    client: Any, request: str, absent: Collection[str] = (), **parameters: Any
) -> Mapping[str, Any] | None:
    """AWS's response; None if AWS returns one of the error codes ``absent``.

    Raises UnseenError for other errors, and ValueError for a request that is not a read.
    """
    from botocore.exceptions import ClientError

    _refuse_changes(request)
    try:
        answer: Mapping[str, Any] = getattr(client, request)(**parameters)
    except ClientError as error:
        if code_of(error) in absent:
            return None
        raise _unseen(client, error) from None
    except no_answer() as error:
        raise _no_answer(client, error) from None
    return answer


def ask_all(client: Any, request: str, field: str, **parameters: Any) -> Iterator[Any]:
    """The entries of ``field`` on all pages of a response; raises as ``ask`` does."""
    from botocore.exceptions import ClientError

    _refuse_changes(request)
    try:
        for page in client.get_paginator(request).paginate(**parameters):
            yield from page.get(field) or ()
    except ClientError as error:
        raise _unseen(client, error) from None
    except no_answer() as error:
        raise _no_answer(client, error) from None


def bucket_headers(client: Any, bucket: str) -> Mapping[str, str]:
    """The headers of S3's response for a bucket, also of an error."""
    from botocore.exceptions import ClientError

    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as error:
        answer = error.response
    except no_answer():
        return {}
    found: Mapping[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return found


def answered(answer: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A response that cannot be absent."""
    assert answer is not None
    return answer


def _refuse_changes(request: str) -> None:
    if not request.startswith(_READS):
        raise ValueError(f"{request} is not a read request")


def _unseen(client: Any, error: Any) -> UnseenError:
    service, operation = _service(client), str(error.operation_name)
    usual = f"{_PREFIXES.get(service, service)}:{operation}"
    action = _ACTIONS.get((service, operation), usual)
    code = code_of(error)
    if is_denied(code):
        return UnseenError(
            f"needs {action}", f"Allow {action} to this principal, or ask somebody who may."
        )
    reason = meaning_of(displayable(code), "AWS answers {code}")
    return UnseenError(f"{operation} of {service}: {reason}", AGAIN)


def _no_answer(client: Any, error: Exception) -> UnseenError:
    return UnseenError(
        f"{_service(client)} did not answer ({type(error).__name__})",
        "Check the network, the credentials and the region, then run the same again.",
    )


def _service(client: Any) -> str:
    return str(client.meta.service_model.service_name)
