"""Checks of AWS variables and files before any request, so that errors name the wrong setting.

Values are never shown: they may be secrets.

For a wrong setting botocore and awscrt raise exceptions of any kind: their own, the operating
system's, a parser's, or of code that expected something else. So any exception during their setup,
and only then, counts as wrong configuration.
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
"""Printable ASCII without spaces: the characters of access keys, secrets and tokens."""

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
"""The forms of these entries; a command may contain quoted parts."""

_FILES = ("shared-credentials-file", "config-file")
_ENDPOINT = (
    "The S3 endpoint (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url in the AWS config file)"
)
_WRITE = "write http://host:port or https://host:port, with a path if the server needs one"


@contextmanager
def configuring(session: Any = None) -> Iterator[None]:
    """Turn any error of AWS's libraries in the body into a UsageError.

    The body must only set them up: create sessions and clients, and prepare requests.
    """
    with _refused(lambda error: f"AWS is not configured: {explain_setting(error, session)}."):
        yield


def check_session(session: Any) -> None:
    """Raise UsageError if a setting cannot be read, or if the credentials cannot be used.

    Reading them may send requests to STS or another service.
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
            "AWS_SECRET_ACCESS_KEY, or run where a role provides them.",
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
    """The error for credentials that a service denies."""
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


def region_for(session: Any, given: str = "", option: str = "") -> str:
    """The region ``given`` by ``option``, if there is such an option, or else the environment's.

    Raises UsageError if there is neither: EC2, EMR and Glue have no default region.
    """
    with configuring(session):
        if problem := _region_problem(session):
            raise UsageError(f"AWS is not configured: {problem}.")
        region = given or session.region_name
    if not region:
        also = f", or {option}" if option else ""
        raise UsageError(f"No AWS region is set: set {SET_REGION}{also}.")
    return str(region)


def made_for_s3(make_client: Callable[[], Any], session: Any) -> Any:
    """The client from ``make_client``; raises UsageError if it cannot be created."""
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
    """What is wrong with the region; empty if nothing is.

    botocore accepts an empty region, but awscrt cannot sign with it. A line break would become part
    of a header, which an exception then shows completely.
    """
    region = session.region_name
    if region is None or _USUAL.fullmatch(region):
        return ""
    if region.strip():
        return f"the region contains a space, a line break or the like: set {SET_REGION} without it"
    return f"the region is empty: set {SET_REGION}"


def _profile_problem(session: Any) -> str:
    """What is wrong with a profile's entry that names the source of its credentials, else empty.

    The file's parser removes spaces around a value, but not quotation marks or invisible
    characters; valid values have none.
    """
    entries = session._session.get_scoped_config()
    for name, allowed in _OF_PROFILE.items():
        value = entries.get(name)
        if isinstance(value, str) and not allowed.fullmatch(value):
            return (
                f'{name} of the profile "{session.profile_name}" in the AWS config file holds a '
                "space, a quotation mark or another character that does not belong there: write "
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
    """Whether the session token is set by its older name, which botocore reads first."""
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
    """Raise UsageError unless both transports interpret the endpoint's URL in the same way."""
    problem = _problem_of(url)
    if problem:
        raise UsageError(f"{_ENDPOINT} {problem}: {_WRITE}.")


def _invalid_endpoint() -> UsageError:
    """The error for an endpoint that botocore rejects."""
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
