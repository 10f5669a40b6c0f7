"""Errors of requests to AWS, as a diagnosis."""

from collections.abc import Iterator
from contextlib import contextmanager

from checkout_assets.domain.failures import Diagnosis, diagnose_request
from checkout_assets.engines.failed_requests import no_answer
from spark_jobs.service_codes import is_refused_unread

_SERVER_ERROR = 500


class AwsRequestError(Exception):
    """A request failed; ``in_doubt`` means that AWS may have performed it.

    ``code`` is AWS's error code, empty without a response.
    """

    def __init__(self, diagnosis: Diagnosis, in_doubt: bool, code: str = "") -> None:
        super().__init__(diagnosis.reason)
        self.diagnosis = diagnosis
        self.in_doubt = in_doubt
        self.code = code


@contextmanager
def diagnosed() -> Iterator[None]:
    """Turn botocore's errors into AwsRequestError."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        code, message = str(told.get("Code", "")), str(told.get("Message", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        in_doubt = status >= _SERVER_ERROR and not is_refused_unread(code)
        raise AwsRequestError(diagnose_request(code, message), in_doubt, code) from None
    except no_answer() as error:
        raise _unanswered(error) from None


def _unanswered(error: Exception) -> AwsRequestError:
    """The error for a request that was not sent, or that got no response.

    If the connection broke, or the response is not AWS's, AWS may have performed the request.
    Credentials are read and parameters checked before anything is sent.
    """
    from botocore.exceptions import BotoCoreError, HTTPClientError, NoCredentialsError
    from botocore.exceptions import ConnectionError as NotConnectedError

    code = type(error).__name__
    if isinstance(error, HTTPClientError | NotConnectedError) or not isinstance(
        error, BotoCoreError
    ):
        return AwsRequestError(diagnose_request("ServiceUnavailable", code), in_doubt=True)
    said = "no credentials were found" if isinstance(error, NoCredentialsError) else ""
    return AwsRequestError(diagnose_request(code, said), in_doubt=False, code=code)
