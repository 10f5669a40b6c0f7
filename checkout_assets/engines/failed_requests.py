"""Turns the error of a request, from any library, into a failure."""

from spark_jobs.contract.failures import Failure
from spark_jobs.refusals import may_be_renewed
from spark_jobs.service_codes import is_transient
from spark_jobs.stores import StoreError


def failure_of(error: BaseException) -> Failure:
    """The error as a failure; expired credentials count as transient, they may be renewed."""
    if isinstance(error, StoreError):
        return error.failure
    code = code_of(error)
    return Failure(code, is_transient(code, _status_of(error)) or may_be_renewed(code))


def code_of(error: BaseException) -> str:
    """The service's error code, or the name of the exception's class."""
    if isinstance(error, StoreError):
        return error.code
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", type(error).__name__))


def no_answer() -> tuple[type[Exception], ...]:
    """The exceptions of botocore without a response, or with one not from the service.

    The page of a proxy, for example, cannot be parsed or lacks fields. botocore follows a redirect
    to itself until the stack is full.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ResponseParserError, LookupError, RecursionError


def _status_of(error: BaseException) -> int:
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
