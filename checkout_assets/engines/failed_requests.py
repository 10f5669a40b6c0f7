"""What an error of a request is as a value, whichever library raised it."""

from spark_jobs.contract.failures import Failure
from spark_jobs.refusals import may_be_renewed
from spark_jobs.service_codes import is_transient
from spark_jobs.stores import StoreError


def failure_of(error: BaseException) -> Failure:
    """The error as a failure; with other credentials, what has expired may succeed."""
    if isinstance(error, StoreError):
        return error.failure
    code = code_of(error)
    return Failure(code, is_transient(code, _status_of(error)) or may_be_renewed(code))


def code_of(error: BaseException) -> str:
    """The service's code of an error, or the name of its class."""
    if isinstance(error, StoreError):
        return error.code
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", type(error).__name__))


def no_answer() -> tuple[type[Exception], ...]:
    """What botocore raises if no answer came, or one that is not the service's: a proxy's page.

    Such pages cannot be parsed, or lack what is looked up in them. A redirection to nowhere else is
    followed until the stack is full.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ResponseParserError, LookupError, RecursionError


def _status_of(error: BaseException) -> int:
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
