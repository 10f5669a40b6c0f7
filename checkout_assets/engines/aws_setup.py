"""What the AWS variables and files hold, checked before any request, so that a wrong one is named.

Values are never shown: they may be secrets.

botocore and awscrt refuse what they read there with exceptions of any kind: their own, of the
operating system, of a parser, or of code that expected something else. So whatever is raised
while they are set up, and only then, is wrong configuration.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.aws_explained import (
    SET_REGION,
    explain_credentials,
    explain_setting,
    machine_refusal,
    unusable_certificates,
    wrong_setting,
)
from checkout_assets.engines.failed_requests import failure_of
from spark_jobs.contract.failures import Failure

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_USUAL = re.compile(r"[!-~]+")
"""Printable ASCII without blanks: all that access keys, secrets and tokens are made of."""

_ODD_SEGMENT = re.compile(r"//|/\.\.?(?:/|$)")
_CREDENTIALS = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "token": "AWS_SESSION_TOKEN",
}
_OLD_TOKEN = "AWS_SECURITY_TOKEN"
_OF_PROFILE = {
    "role_arn": re.compile(r"[!#-&(-~]+"),
    "source_profile": re.compile(r"[^\"'\u200b-\u200f\u2060\ufeff]+"),
    "credential_process": re.compile(r"[!-~\w](?:.*[!-~\w])?"),
}
"""What the entries look like; a command may be quoted in part."""

_FILES = ("shared-credentials-file", "config-file")
_ENDPOINT = (
    "The S3 endpoint (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url in the AWS config file)"
)
_WRITE = "write http://host:port or https://host:port, with a path if the server needs one"


@contextmanager
def configuring(session: Any = None) -> Iterator[None]:
    """Turn whatever AWS's libraries raise in the body into a UsageError.

    The body only sets them up: makes sessions, clients and what a request needs.
    """
    with _refused(lambda error: f"AWS is not configured: {explain_setting(error, session)}."):
        yield


def check_session(session: Any) -> None:
    """Raise UsageError if a setting cannot be read, or if the credentials cannot be used.

    They are read, which may ask STS or another service for them.
    """
    with configuring(session):
        problem = wrong_setting(session) or _region_problem(session) or _profile_problem(session)
        if problem:
            raise UsageError(f"AWS is not configured: {problem}.")
    with _refused(
        lambda error: f"The AWS credentials cannot be read: {explain_credentials(error)}."
    ):
        credentials = session.get_credentials()
        known = credentials.get_frozen_credentials() if credentials.method else None
    if known is None:
        raise UsageError(
            "No AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or run where a role gives them.",
            Failure("NoCredentialsError", transient=True),
        )
    _check_characters(known, str(credentials.method), session)


@contextmanager
def _refused(explain: Callable[[Exception], str]) -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except UsageError:
        raise
    except ClientError as error:
        raise _refused_request(error) from None
    except Exception as error:
        if lacking := machine_refusal(error):
            raise MigrationError(f"Nothing was begun: {lacking}.", failure_of(error)) from None
        raise UsageError(explain(error), failure_of(error)) from None


def _refused_request(error: Any) -> UsageError:
    """The error for credentials that a service does not give."""
    code = displayable(str(error.response.get("Error", {}).get("Code", "Unknown")))
    if error.operation_name == "AssumeRole":
        return UsageError(
            f"The role cannot be assumed: STS answers {code}. Its trust policy must name this "
            "principal, and this principal's policy must allow sts:AssumeRole.",
            failure_of(error),
        )
    return UsageError(
        f"The AWS credentials cannot be read: {error.operation_name} is answered with {code}. "
        "Check the role, its trust policy and the token that identifies the caller.",
        failure_of(error),
    )


def region_for(session: Any, given: str, option: str) -> str:
    """The region that ``given``, which ``option`` names, or else the environment chooses.

    Raises UsageError if neither does: EC2 and EMR have no default one.
    """
    with configuring(session):
        if problem := _region_problem(session):
            raise UsageError(f"AWS is not configured: {problem}.")
        region = given or session.region_name
    if not region:
        raise UsageError(f"No AWS region is set: set {SET_REGION}, or {option}.")
    return str(region)


def made_for_s3(make_client: Callable[[], Any], session: Any) -> Any:
    """The client that ``make_client`` makes; raises UsageError for what refuses to be made."""
    with configuring(session):
        try:
            client = make_client()
        except ValueError as error:
            if str(error).startswith("Invalid endpoint"):
                raise _invalid_endpoint() from None
            raise
    check_endpoint(client.meta.endpoint_url)
    return client


def check_transport(store: "S3Store") -> None:
    """Raise UsageError if awscrt cannot be set up for this store."""
    with configuring():
        trusted = store.trusted_certificates
        if problem := unusable_certificates(trusted) if trusted else "":
            raise UsageError(problem)
        store.rehearse()


def _region_problem(session: Any) -> str:
    """botocore makes an endpoint without a region then, and awscrt signs nothing.

    A line break at its end ends up in a header, whose whole text an exception then shows.
    """
    region = session.region_name
    if region is None or _USUAL.fullmatch(region):
        return ""
    if region.strip():
        return f"the region contains a space, a line break or the like: set {SET_REGION} without it"
    return f"the region is empty: set {SET_REGION}"


def _profile_problem(session: Any) -> str:
    """What is wrong with an entry of the profile that says where its credentials come from.

    The file's reader removes blanks around a value, but neither quotation marks nor what is not
    seen; and a role's name holds none.
    """
    entries = session._session.get_scoped_config()
    for name, allowed in _OF_PROFILE.items():
        value = entries.get(name)
        if isinstance(value, str) and not allowed.fullmatch(value):
            return (
                f'{name} of the profile "{session.profile_name}" in the AWS config file holds a '
                "blank, a quotation mark or another character that does not belong there: write "
                "it without"
            )
    return ""


def _check_characters(known: Any, method: str, session: Any) -> None:
    """Raise UsageError if a part of the credentials contains a space, a line break or the like."""
    profile = str(session.profile_name)
    for part, variable in _CREDENTIALS.items():
        value = getattr(known, part, None)
        if value and not (isinstance(value, str) and _USUAL.fullmatch(value)):
            is_old = part == "token" and _has_old_token(session, method)
            where = _where(_OLD_TOKEN if is_old else variable, method, profile)
            raise UsageError(
                f"{where} contains a space, a line break or another "
                "character that credentials never hold: set it again without it."
            )


def _has_old_token(session: Any, method: str) -> bool:
    """Whether the token has its older name there, which botocore reads first."""
    if method == "env":
        provider = session._session.get_component("credential_provider").get_provider("env")
        return _OLD_TOKEN in provider.environ
    profile = session._session.full_config.get("profiles", {}).get(session.profile_name, {})
    return method in _FILES and _OLD_TOKEN.lower() in profile


def _where(variable: str, method: str, profile: str) -> str:
    if method == "env":
        return variable
    entry = variable.lower()
    if method in _FILES:
        return f'{entry} of the profile "{profile}" in the AWS credentials or config file'
    return f"{entry} of the credentials from {method}"


def check_endpoint(url: str) -> None:
    """Raise UsageError unless both transports understand this endpoint's URL alike."""
    problem = _problem_of(url)
    if problem:
        raise UsageError(f"{_ENDPOINT} {problem}: {_WRITE}.")


def _invalid_endpoint() -> UsageError:
    """The error for an endpoint that botocore refuses."""
    return UsageError(f"{_ENDPOINT} is not a URL, or contains a space: {_WRITE}.")


def _problem_of(url: str) -> str:
    if not _USUAL.fullmatch(url):
        return "contains a space or another character that URLs never hold"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    problems = {
        "does not begin with http:// or https://": parts.scheme not in {"http", "https"},
        "holds a user name or a password, which belong in the AWS credentials": "@" in parts.netloc,
        "names no host": not host,
        "holds a query or a fragment": "?" in url or "#" in url,
        "holds an empty, . or .. segment in its path": _ODD_SEGMENT.search(parts.path) is not None,
    }
    return next((problem for problem, holds in problems.items() if holds), "")
