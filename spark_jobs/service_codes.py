"""Which failures may pass by themselves: one table for S3, KMS, STS, EC2, EMR, IAM and the machine.

A code is the name that a service, one of Amazon's libraries or the operating system gives a
failure. Whoever decides whether to try again asks here; a code that stands nowhere is permanent.
Pure standard library, for the platform and the Spark job.
"""

from __future__ import annotations

from typing import FrozenSet

THROTTLING: FrozenSet[str] = frozenset(
    (
        # botocore, retries/standard.py: every name by which services were seen to throttle
        "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling",
        "ThrottlingException", "TooManyRequestsException", "TransactionInProgressException",
        # S3 API reference, "List of error codes", and what compatible servers say
        "ServiceUnavailable", "TooManyRequests", "429", "503",
        # KMS developer guide, "Request quotas"; S3 passes KMS's codes on with KMS in front
        "KMSThrottling", "KmsThrottled",
        # SNS's and SQS's models
        "Throttled",
    )
)  # fmt: skip
"""The service asks for fewer requests: slow down, then ask again.

botocore's list has ``LimitExceededException`` too, by which KMS and IAM mean a quota of keys or
roles that is used up: that stays.

S3 says ``ServiceUnavailable`` where it says ``SlowDown`` too, and both mean "reduce your request
rate" (error code list).
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
        # statuses of answers without a code
        "409", "500", "502", "504",
        # botocore: nothing came back, or not all of it
        "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError",
        "EndpointConnectionError", "HTTPClientError", "IncompleteReadError",
        "ProxyConnectionError", "ReadTimeoutError", "ResponseParserError",
        "ResponseStreamingError",
        # botocore: credentials that come from elsewhere, which may not have answered
        "CredentialRetrievalError", "MetadataRetrievalError", "NoCredentialsError",
        # errno: a connection, or a resource of the machine that others use at the moment
        "EAGAIN", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "EINTR",
        "ENETDOWN", "ENETRESET", "ENETUNREACH", "EPIPE", "ETIMEDOUT",
        # this program's own: no answer in time, an answer that cannot be read
        "TimedOut", "UnreadableAnswer", "UnreadableListing",
    )
)  # fmt: skip
"""Something broke on the way: the same request may succeed."""

EXPIRED: FrozenSet[str] = frozenset(
    ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
)
"""Credentials have ended: worth another try as soon as there are others."""

_CAUSE_IN_FRONT = ("KMS.", "Endpoint.", "Server.", "Client.", "Credentials.")
"""S3 writes ``KMS.ThrottlingException`` for KMS's ``ThrottlingException``, EC2's state reasons name
the side that failed, and ``refusals`` what went wrong while credentials were read."""

_AWSCRT = ("AWS_ERROR_HTTP_", "AWS_IO_DNS_", "AWS_IO_SOCKET_", "AWS_IO_TLS_ERROR_")
"""awscrt's names (aws-c-http and aws-c-io, error.h) of connections that could not be made or broke.

A handshake that fails is among them: one of thousands fails in a network that works."""

_AWSCRT_PERMANENT: FrozenSet[str] = frozenset(
    (
        "AWS_ERROR_HTTP_INVALID_HEADER_NAME", "AWS_ERROR_HTTP_INVALID_HEADER_VALUE",
        "AWS_ERROR_HTTP_INVALID_METHOD", "AWS_ERROR_HTTP_INVALID_PATH", "AWS_IO_DNS_INVALID_NAME",
        "AWS_IO_SOCKET_INVALID_ADDRESS", "AWS_IO_SOCKET_INVALID_OPTIONS",
        "AWS_IO_TLS_ERROR_DEFAULT_TRUST_STORE_NOT_FOUND",
    )
)  # fmt: skip
"""What is wrong with the request or with this machine, and stays so."""

PERMANENT: FrozenSet[str] = frozenset(("NotImplemented", "RequestTimeTooSkewed"))
"""What stays whatever the status: the server cannot do it, or somebody must set the clock."""

DENIED: FrozenSet[str] = frozenset(
    (
        "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled",
        "UnauthorizedOperation",
        # SNS API reference, Publish, "Errors"
        "AuthorizationError", "KMSAccessDenied",
    )
)  # fmt: skip
"""Nobody has allowed the request: S3's names, those of KMS, EMR, EC2 and SNS, and a HEAD's
status."""

_AT_ANY_STAGE: FrozenSet[str] = frozenset(("ServiceUnavailable", "503"))
"""Names of throttling that a server which has begun the work may use too."""

_SERVER_ERROR = 500


def is_throttling(code: str, status: int = 0) -> bool:
    """Whether the service asks for fewer requests, by whatever name and HTTP status."""
    return _bare(code) in THROTTLING or str(status) in THROTTLING


def is_refused_unread(code: str) -> bool:
    """Whether the service asked for fewer requests before it did anything of this one."""
    return is_throttling(code) and _bare(code) not in _AT_ANY_STAGE


def is_denied(code: str) -> bool:
    """Whether the code says that somebody must allow the request first."""
    return _bare(code) in DENIED


def is_transient(code: str, status: int = 0) -> bool:
    """Whether the same request may succeed later; throttling included.

    ``status`` is the HTTP status, 0 if there is none: a code that is not known of an answer of the
    500s passes, because the server says that it is at fault.
    """
    if code in PERMANENT or code in _AWSCRT_PERMANENT:
        return False
    known = is_throttling(code, status) or _bare(code) in INTERRUPTED
    return known or code.startswith(_AWSCRT) or status >= _SERVER_ERROR


def _bare(code: str) -> str:
    """The code without the side or the service that stands in front of it."""
    for prefix in _CAUSE_IN_FRONT:
        if code.startswith(prefix):
            return code[len(prefix) :]
    return code
