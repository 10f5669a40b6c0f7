"""One table says what passes by itself, under whatever name and status it comes."""

import pytest

from spark_jobs.service_codes import is_throttling, is_transient

THROTTLING = [
    "BandwidthLimitExceeded", "EC2ThrottledException", "KMS.ThrottlingException", "KMSThrottling",
    "KmsThrottled", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "Client.RequestLimitExceeded", "RequestThrottled",
    "RequestThrottledException", "ServiceUnavailable", "SlowDown", "Throttled",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequests",
    "TooManyRequestsException", "TransactionInProgressException",
]  # fmt: skip
INTERRUPTED = [
    "AWS_ERROR_HTTP_CONNECTION_CLOSED", "AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT",
    "AWS_IO_DNS_QUERY_FAILED", "AWS_IO_SOCKET_CLOSED", "AWS_IO_SOCKET_TIMEOUT",
    "ConditionalRequestConflict", "ConnectTimeoutError", "ConnectionClosedError",
    "Credentials.MetadataRetrievalError", "Credentials.NoCredentialsError",
    "DependencyTimeoutException",
    "ECONNRESET", "EndpointConnectionError", "IDPCommunicationError", "InternalError",
    "InternalFailure", "InternalServerError", "InternalServerException", "KMS.KMSInternalException",
    "KeyUnavailableException", "OperationAborted", "ReadTimeoutError", "RequestTimeout",
    "RequestTimeoutException", "Server.InternalError", "ServiceFailure",
    "ServiceUnavailableException", "TimedOut", "Unavailable", "UnreadableListing",
]  # fmt: skip
PERMANENT = [
    "", "AWS_ERROR_HTTP_INVALID_PATH", "AWS_IO_TLS_ERROR_DEFAULT_TRUST_STORE_NOT_FOUND",
    "AccessDenied", "EACCES", "EDQUOT", "ENOSPC", "EROFS", "ExpiredToken", "InvalidAccessKeyId",
    "InvalidObjectState", "KMS.AccessDenied", "KMS.DisabledException", "NeverSeenBefore",
    "NoSuchBucket", "NotImplemented", "ParamValidationError", "RequestTimeTooSkewed", "SSLError",
    "SignatureDoesNotMatch", "UnauthorizedOperation", "ValidationException", "VcpuLimitExceeded",
]  # fmt: skip


@pytest.mark.parametrize("code", THROTTLING)
@pytest.mark.parametrize("status", [0, 200, 400, 403, 429, 503])
def test_throttling_passes_by_any_name_and_status(code: str, status: int) -> None:
    assert is_throttling(code, status)
    assert is_transient(code, status)


@pytest.mark.parametrize("code", INTERRUPTED)
@pytest.mark.parametrize("status", [0, 400, 500])
def test_what_broke_on_the_way_passes_and_is_no_throttling(code: str, status: int) -> None:
    assert is_transient(code, status)
    assert not is_throttling(code, status)


@pytest.mark.parametrize("code", PERMANENT)
@pytest.mark.parametrize("status", [0, 400, 403])
def test_everything_else_stays(code: str, status: int) -> None:
    assert not is_transient(code, status)


@pytest.mark.parametrize("status", [500, 502, 504, 599])
def test_a_server_that_is_at_fault_may_recover(status: int) -> None:
    assert is_transient("NeverSeenBefore", status)
    assert not is_transient("NotImplemented", status)
    assert not is_transient("RequestTimeTooSkewed", status)


@pytest.mark.parametrize("status", [429, 503])
def test_a_status_alone_may_ask_for_fewer_requests(status: int) -> None:
    assert is_throttling("", status)
