"""One table says what passes by itself, under whatever name and status it comes."""

import ast
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from checkout_assets.domain.failures import Cause, diagnose_request
from checkout_assets.engines.aws_requests import AwsRequestError, diagnosed
from checkout_assets.engines.failed_requests import failure_of
from spark_jobs import service_codes
from spark_jobs.refusals import credentials_problem
from spark_jobs.service_codes import is_denied, is_refused_unread, is_throttling, is_transient
from spark_jobs.stores import StoreError
from spark_jobs.stores.s3 import S3Store
from spark_jobs.transport.answers import refusal

ROOT = Path(__file__).resolve().parents[2]

THROTTLING = [
    "429", "503", "BandwidthLimitExceeded",
    "EC2ThrottledException", "KMS.ThrottlingException", "KMSThrottling",
    "KmsThrottled", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "Client.RequestLimitExceeded", "RequestThrottled",
    "RequestThrottledException", "ServiceUnavailable", "SlowDown", "Throttled",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequests",
    "TooManyRequestsException", "TransactionInProgressException",
]  # fmt: skip
INTERRUPTED = [
    "409", "500", "502", "504", "AWS_ERROR_HTTP_CONNECTION_CLOSED",
    "AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT",
    "AWS_IO_DNS_QUERY_FAILED", "AWS_IO_SOCKET_CLOSED", "AWS_IO_SOCKET_TIMEOUT",
    "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE",
    "ConditionalRequestConflict", "ConnectTimeoutError", "ConnectionClosedError",
    "ConnectionError", "CredentialRetrievalError",
    "Credentials.MetadataRetrievalError", "Credentials.NoCredentialsError",
    "DependencyTimeoutException",
    "EAGAIN", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "EINTR", "ENETDOWN",
    "ENETRESET", "ENETUNREACH", "EPIPE", "ETIMEDOUT", "EndpointConnectionError", "HTTPClientError",
    "IDPCommunicationError", "IncompleteReadError", "InternalError", "InternalFailure",
    "InternalServerError", "InternalServerException", "InternalServiceException",
    "KMS.KMSInternalException", "KeyUnavailableException", "OperationAborted",
    "OperationTimeoutException", "ProxyConnectionError", "ReadTimeoutError", "RequestTimeout",
    "RequestTimeoutException", "ResponseParserError", "ResponseStreamingError",
    "Server.InternalError", "ServiceFailure", "ServiceUnavailableException", "TimedOut",
    "Unavailable", "UnreadableAnswer", "UnreadableListing",
]  # fmt: skip
PERMANENT = [
    "", "AWS_ERROR_HTTP_INVALID_HEADER_NAME", "AWS_ERROR_HTTP_INVALID_HEADER_VALUE",
    "AWS_ERROR_HTTP_INVALID_METHOD", "AWS_ERROR_HTTP_INVALID_PATH", "AWS_IO_DNS_INVALID_NAME",
    "AWS_IO_SOCKET_INVALID_ADDRESS", "AWS_IO_SOCKET_INVALID_OPTIONS",
    "AWS_IO_TLS_ERROR_DEFAULT_TRUST_STORE_NOT_FOUND", "EACCES", "EDQUOT", "ENOSPC", "EROFS",
    "InvalidAccessKeyId",
    "InvalidObjectState", "KMS.DisabledException", "NeverSeenBefore",
    "NoSuchBucket", "NotImplemented", "ParamValidationError", "RequestTimeTooSkewed", "SSLError",
    "SignatureDoesNotMatch", "ValidationException", "VcpuLimitExceeded",
]  # fmt: skip
EXPIRED = ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"]
DENIED = [
    "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "KMS.AccessDenied",
    "UnauthorizedOperation", "AuthorizationError", "KMSAccessDenied",
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


@pytest.mark.parametrize("code", [*PERMANENT, *EXPIRED, *DENIED])
@pytest.mark.parametrize("status", [0, 400, 403, 499])
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
    assert is_transient("", status)


@pytest.mark.parametrize(
    ("code", "unread"),
    [
        ("ThrottlingException", True),
        ("RequestLimitExceeded", True),
        ("Client.RequestLimitExceeded", True),
        ("SlowDown", True),
        ("ServiceUnavailable", False),
        ("Server.ServiceUnavailable", False),
        ("503", False),
        ("InternalError", False),
        ("", False),
    ],
)
def test_who_only_asks_for_fewer_requests_has_done_nothing_of_this_one(
    code: str, unread: bool
) -> None:
    assert is_refused_unread(code) is unread
    with pytest.raises(AwsRequestError) as told, diagnosed():
        raise client_error(code, 503)
    assert told.value.in_doubt is not unread


@pytest.mark.parametrize("code", DENIED)
def test_a_denial_is_one_by_any_name(code: str) -> None:
    assert is_denied(code)


@pytest.mark.parametrize("code", EXPIRED)
def test_credentials_that_have_ended_are_named_by_any_name(code: str) -> None:
    assert credentials_problem(code) == credentials_problem("ExpiredToken") != ""


TRIED = {
    "THROTTLING": THROTTLING,
    "INTERRUPTED": INTERRUPTED,
    "EXPIRED": EXPIRED,
    "DENIED": DENIED,
    "PERMANENT": PERMANENT,
    "_AWSCRT_PERMANENT": PERMANENT,
    "_AT_ANY_STAGE": ["503", "ServiceUnavailable"],
}


@pytest.mark.parametrize("table", TRIED)
def test_no_row_can_come_or_go_unseen(table: str) -> None:
    """Each row is tried above, so one that is removed is seen too."""
    assert getattr(service_codes, table) <= {code.rpartition(".")[2] for code in TRIED[table]}


def client_error(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Any")  # type: ignore[arg-type]


def asked_of_a_store(code: str) -> bool:
    client = boto3.client("s3", "us-east-2", aws_access_key_id="x", aws_secret_access_key="x")
    store = S3Store("bucket", "", client)
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code)
        with pytest.raises(StoreError) as told:
            store.get("key")
    return told.value.transient


DECIDERS: dict[str, Callable[[str], bool]] = {
    "awscrt": lambda code: refusal(400, f"<Code>{code}</Code>".encode(), "place").transient,
    "boto3": asked_of_a_store,
    "copying": lambda code: failure_of(client_error(code)).transient,
    "EC2 and EMR": lambda code: diagnose_request(code).cause is Cause.TRANSIENT,
}


@pytest.mark.parametrize("who", DECIDERS)
@pytest.mark.parametrize(("table", "code"), [("THROTTLING", "SlowDown"), ("INTERRUPTED", "500")])
def test_whoever_decides_asks_the_one_table(
    who: str, table: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a name in the table nobody tries again; with a new one everybody does."""
    passes = DECIDERS[who]
    assert passes(code)
    assert not passes("OfNextYear")
    monkeypatch.setattr(service_codes, table, frozenset(("OfNextYear",)))
    assert not passes(code)
    assert passes("OfNextYear")


def test_no_other_list_of_such_codes_is_kept() -> None:
    known = service_codes.THROTTLING | service_codes.INTERRUPTED
    found = {}
    for path in [*ROOT.glob("checkout_assets/**/*.py"), *ROOT.glob("spark_jobs/**/*.py")]:
        lists = (
            {part.value for part in node.elts if isinstance(part, ast.Constant)} & known
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Tuple | ast.Set | ast.List)
        )
        if any(len(codes) > 1 for codes in lists):
            found[path.relative_to(ROOT).as_posix()] = True
    assert list(found) == ["spark_jobs/service_codes.py"]
