"""Which failures are transient: one table for S3, KMS, STS, EC2, EMR, IAM and the machine.

A code is the name that a service, one of Amazon's libraries or the operating system gives a
failure. Every decision to retry uses this table; an unknown code is permanent. Uses only the
standard library, for the platform and the Spark job.
"""

from __future__ import annotations

from typing import FrozenSet

THROTTLING: FrozenSet[str] = frozenset(
    (
        # botocore, retries/standard.py: every code of throttling that services are known to send
        "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling",
        "ThrottlingException", "TooManyRequestsException", "TransactionInProgressException",
        # S3 API reference, "List of error codes", and codes of compatible servers
        "ServiceUnavailable", "TooManyRequests", "429", "503",
        # KMS developer guide, "Request quotas"; S3 passes KMS's codes on with KMS in front
        "KMSThrottling", "KmsThrottled",
        # SNS's and SQS's models
        "Throttled",
    )
)  # fmt: skip
"""The service throttles: slow down, then retry.

botocore's list also has ``LimitExceededException``, with which KMS and IAM report that a quota of
keys or roles is used up: that is permanent.

S3 sends ``ServiceUnavailable`` as well as ``SlowDown``; both mean "reduce your request rate" (error
code list).
"""

INTERRUPTED: FrozenSet[str] = frozenset(
    (
        # S3 API reference, "List of error codes"
        "InternalError", "OperationAborted", "ConditionalRequestConflict", "RequestTimeout",
        # EC2, EMR, STS, IAM, KMS: common errors of each API reference, and the service models
        "DependencyTimeoutException", "IDPCommunicationError", "InternalFailure",
        "InternalServerError", "InternalServerException", "InternalServiceException",
        "KMSInternalException", "KeyUnavailableException", "OperationTimeoutException",
        "RequestTimeoutException", "ServiceFailure", "ServiceUnavailableException", "Unavailable",
        # statuses of responses without a code
        "409", "500", "502", "504",
        # botocore: no response, or an incomplete one
        "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError",
        "EndpointConnectionError", "HTTPClientError", "IncompleteReadError",
        "ProxyConnectionError", "ReadTimeoutError", "ResponseParserError",
        "ResponseStreamingError",
        # botocore: the service that provides the credentials may not have answered
        "CredentialRetrievalError", "MetadataRetrievalError", "NoCredentialsError",
        # errno: a connection, or a resource of the machine that is in use at the moment
        "EAGAIN", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "EINTR",
        "ENETDOWN", "ENETRESET", "ENETUNREACH", "EPIPE", "ETIMEDOUT",
        # this program's own: no response in time, an unreadable response
        "TimedOut", "UnreadableAnswer", "UnreadableListing",
    )
)  # fmt: skip
"""The request was interrupted: the same request may succeed."""

EXPIRED: FrozenSet[str] = frozenset(
    ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
)
"""The credentials have expired: a retry may succeed once there are new ones."""

_CAUSE_IN_FRONT = ("KMS.", "Endpoint.", "Server.", "Client.", "Credentials.")
"""Prefixes of codes. S3 writes ``KMS.ThrottlingException`` for KMS's ``ThrottlingException``, EC2's
state reasons name the side that failed, and ``refusals`` marks errors of reading credentials."""

_AWSCRT = ("AWS_ERROR_HTTP_", "AWS_IO_DNS_", "AWS_IO_SOCKET_", "AWS_IO_TLS_ERROR_")
"""Prefixes of awscrt's errors (aws-c-http and aws-c-io, error.h) of failed connections.

They include a failed TLS handshake: in a working network a few of thousands fail."""

_AWSCRT_PERMANENT: FrozenSet[str] = frozenset(
    (
        "AWS_ERROR_HTTP_INVALID_HEADER_NAME", "AWS_ERROR_HTTP_INVALID_HEADER_VALUE",
        "AWS_ERROR_HTTP_INVALID_METHOD", "AWS_ERROR_HTTP_INVALID_PATH", "AWS_IO_DNS_INVALID_NAME",
        "AWS_IO_SOCKET_INVALID_ADDRESS", "AWS_IO_SOCKET_INVALID_OPTIONS",
        "AWS_IO_TLS_ERROR_DEFAULT_TRUST_STORE_NOT_FOUND",
    )
)  # fmt: skip
"""Errors with these prefixes that are permanent: a fault of the request or of this machine."""

PERMANENT: FrozenSet[str] = frozenset(("NotImplemented", "RequestTimeTooSkewed"))
"""Permanent whatever the status: the server cannot do it, or this machine's clock is wrong."""

DENIED: FrozenSet[str] = frozenset(
    (
        "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled",
        "UnauthorizedOperation",
        # SNS API reference, Publish, "Errors"
        "AuthorizationError", "KMSAccessDenied",
    )
)  # fmt: skip
"""Access is denied: codes of S3, KMS, EMR, EC2 and SNS, and the status of a HEAD response."""

_AT_ANY_STAGE: FrozenSet[str] = frozenset(("ServiceUnavailable", "503"))
"""Codes of throttling that a server may also send after it has begun the work."""

_SERVER_ERROR = 500


def is_throttling(code: str, status: int = 0) -> bool:
    """Whether the service throttles; ``status`` is the HTTP status, 0 if there is none."""
    return _bare(code) in THROTTLING or str(status) in THROTTLING


def is_refused_unread(code: str) -> bool:
    """Whether the service throttled the request before it began to process it."""
    return is_throttling(code) and _bare(code) not in _AT_ANY_STAGE


def is_denied(code: str) -> bool:
    """Whether the code says that access is denied."""
    return _bare(code) in DENIED


def is_transient(code: str, status: int = 0) -> bool:
    """Whether the same request may succeed later; throttling included.

    ``status`` is the HTTP status, 0 if there is none. An unknown code with a status of 500 or more
    is transient, because the server reports a fault of its own.
    """
    if code in PERMANENT or code in _AWSCRT_PERMANENT:
        return False
    known = is_throttling(code, status) or _bare(code) in INTERRUPTED
    return known or code.startswith(_AWSCRT) or status >= _SERVER_ERROR


def _bare(code: str) -> str:
    """The code without such a prefix."""
    for prefix in _CAUSE_IN_FRONT:
        if code.startswith(prefix):
            return code[len(prefix) :]
    return code
