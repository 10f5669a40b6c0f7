"""Refusals of S3 and STS, as one sentence that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.failures import Cause, diagnose_request
from checkout_assets.engines.failed_requests import code_of, no_answer
from spark_jobs.service_codes import is_denied

_WAYS_OUT = {
    "NoSuchBucket": "the bucket does not exist",
    "MethodNotAllowed": "the bucket belongs to another account: name a role of that account, with "
    "--source-role or CHECKOUT_SOURCE_GRANT_ROLE_ARN",
    "MalformedPolicy": "S3 rejects the policy. The roles that it names must exist: create "
    "them first",
    "InvalidPolicyDocument": "S3 rejects the policy",
}
_LONGEST_MESSAGE = 160


@contextmanager
def told_plainly(action: str, place: str) -> Iterator[None]:
    """Raise UsageError for a refusal and MigrationError for a transient error, each of one line.

    ``action`` is what S3 must allow (``s3:PutBucketPolicy``), ``place`` names the bucket.
    """
    from botocore.exceptions import ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        raise _of(error, action, place) from None
    except NoCredentialsError:
        raise UsageError(
            "No AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or run where a role provides them."
        ) from None
    except no_answer() as error:
        raise MigrationError(
            f"S3 did not answer about {place} ({type(error).__name__}): run the same command again."
        ) from None


def _of(error: Any, action: str, place: str) -> Exception:
    code = code_of(error)
    if error.operation_name == "AssumeRole":
        return UsageError(
            f"The role in the source's account cannot be assumed: STS answers {displayable(code)}. "
            "Its trust policy must name this principal, and this principal's policy must allow "
            "sts:AssumeRole."
        )
    if is_denied(code):
        return UsageError(f"Access to {place} is denied: {action} must be allowed there.")
    message = displayable(str(error.response["Error"].get("Message", "")), _LONGEST_MESSAGE)
    if code in _WAYS_OUT:
        return UsageError(f"{_capital(place)} cannot be used: {_WAYS_OUT[code]} ({message}).")
    diagnosis = diagnose_request(code, message)
    if diagnosis.cause is Cause.TRANSIENT:
        return MigrationError(f"{_capital(place)}: {diagnosis.reason}. Run the same command again.")
    return UsageError(f"{_capital(place)} cannot be used: {diagnosis.reason}.")


def _capital(place: str) -> str:
    return place[:1].upper() + place[1:]
