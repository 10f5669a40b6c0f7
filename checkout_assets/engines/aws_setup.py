"""What the AWS variables and files hold, checked before any request, so that a wrong one is named.

Values are never shown: they may be secrets.
"""

import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from checkout_assets.domain.errors import UsageError

_USUAL = re.compile(r"[!-~]+")
"""Printable ASCII without blanks: all that access keys, secrets and tokens are made of."""

_ODD_SEGMENT = re.compile(r"//|/\.\.?(?:/|$)")
_CREDENTIALS = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "token": "AWS_SESSION_TOKEN",
}
_FILES = ("shared-credentials-file", "config-file")
_ENDPOINT = (
    "The S3 endpoint (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url in the AWS config file)"
)
_WRITE = "write http://host:port or https://host:port, with a path if the server needs one"


def check_credentials(session: Any) -> None:
    """Raise UsageError if a part of the credentials holds a blank, a line break or the like.

    Credentials that cannot be had are left to the first request.
    """
    from botocore.exceptions import BotoCoreError

    with suppress(BotoCoreError):
        credentials = session.get_credentials()
        known = credentials.get_frozen_credentials() if credentials else None
        for part, variable in _CREDENTIALS.items():
            value = getattr(known, part, None)
            if value and not _USUAL.fullmatch(value):
                where = _where(variable, str(credentials.method), str(session.profile_name))
                raise UsageError(
                    f"{where} holds a blank, a line break or another character that credentials "
                    "never hold: set it again without it."
                )


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


def invalid_endpoint() -> UsageError:
    """The error for an endpoint that botocore refuses."""
    return UsageError(f"{_ENDPOINT} is not a URL, or holds a blank: {_WRITE}.")


def _problem_of(url: str) -> str:
    if not _USUAL.fullmatch(url):
        return "holds a blank or another character that URLs never hold"
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
