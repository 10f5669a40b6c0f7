"""Rejects AWS variables that are empty or have invalid characters, before any is used.

AWS's libraries take a space or a line break as part of a name, a path or an address. They then
report a missing profile or missing credentials, or send requests elsewhere. Credentials, the
default region and S3's endpoint may also come from files, so ``engines.aws_setup`` checks them
whatever their source.
"""

import re
from collections.abc import Mapping

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.odd_characters import odd_characters

_WORDS = re.compile(
    "AWS_REGION|AWS_ROLE_ARN|AWS_ROLE_SESSION_NAME|AWS_ENDPOINT_URL_(?!S3$).+"
    "|AWS_CONTAINER_CREDENTIALS_(FULL|RELATIVE)_URI"
)
"""Variables whose values have no spaces."""

_TEXTS = re.compile(
    "AWS_(DEFAULT_)?PROFILE|AWS_CONFIG_FILE|AWS_SHARED_CREDENTIALS_FILE"
    "|AWS_WEB_IDENTITY_TOKEN_FILE|AWS_CONTAINER_AUTHORIZATION_TOKEN(_FILE)?"
    "|AWS_CA_BUNDLE|REQUESTS_CA_BUNDLE"
)
"""Variables whose values may have spaces, but not at either end."""

_PROXIES = re.compile("HTTPS?_PROXY", re.IGNORECASE)
"""Variables that may be empty, which means no proxy."""

_S3_ENDPOINT = re.compile("AWS_ENDPOINT_URL(_S3)?")


def refuse_odd_variables(variables: Mapping[str, str]) -> None:
    """Raise UsageError for the first invalid variable; values are never shown."""
    for name, value in sorted(variables.items()):
        if problem := _problem(name, value):
            raise UsageError(f"AWS is not configured: {name} {problem}.")


def _problem(name: str, value: str) -> str:
    is_word, is_text = _WORDS.fullmatch(name), _TEXTS.fullmatch(name)
    if not value:
        is_wanted = is_word or is_text or _S3_ENDPOINT.fullmatch(name)
        return "is empty: give it a value, or unset it" if is_wanted else ""
    if not (is_word or is_text or _PROXIES.fullmatch(name)):
        return ""
    odd = odd_characters(value, blanks_inside=is_text is not None)
    return f"{odd}: set it again without it" if odd else ""
