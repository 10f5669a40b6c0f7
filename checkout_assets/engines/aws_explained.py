"""Explanations of errors when AWS's libraries are set up or cannot reach S3, with what to do.

Possible secrets are never shown, for example the output of a credential process.
"""

import errno
import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.faults import machine_fault
from spark_jobs.stores.sessions import REGION_VARIABLES

_LONGEST_REASON = 240
_PROCESS = "custom-process"
_SOURCES = {
    _PROCESS: "credential_process in the AWS config file",
    "assume-role-with-web-identity": "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or "
    "web_identity_token_file and role_arn in the AWS config file",
    "container-role": "AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "
    "and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "assume-role": "role_arn, source_profile and credential_source in the AWS config file",
    "sso": "run aws sso login, or check the sso_ entries of the AWS config file",
    "login": "run aws login, or check the login entries of the AWS config file",
    "iam-role": "AWS_EC2_METADATA_SERVICE_ENDPOINT and the other variables of the instance's "
    "metadata",
    "shared-credentials-file": "AWS_SHARED_CREDENTIALS_FILE",
    "config-file": "AWS_CONFIG_FILE",
}
_LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_ELSEWHERE = "check the AWS variables and files"
SET_REGION = f"{' or '.join(REGION_VARIABLES)} (or region in the AWS config file)"
_SAME_HOST = "name the host in AWS_ENDPOINT_URL_S3 as its certificate does"
_WAYS = {
    10: "have it renewed, and check this machine's clock",
    62: _SAME_HOST,
    64: _SAME_HOST,
}
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH."""

_TRUST_IT = (
    "set AWS_CA_BUNDLE (or ca_bundle in the AWS config file) to a file that holds the certificate "
    "of its authority"
)


def explain_credentials(error: Exception) -> str:
    """Why credentials could not be read, and the setting that names their source."""
    source = _source_of(error)
    hint = _SOURCES.get(source, "")
    hint = hint if hint.startswith("run ") else f"check {hint}" if hint else _ELSEWHERE
    if source == _PROCESS and not isinstance(error, OSError):
        return f"the program failed or printed no credentials: {hint}, and run it by hand"
    return f"{reason_of(error)}: {hint}"


def explain_setting(error: Exception, session: Any) -> str:
    """What is wrong with a setting, and its variable or entry if that is known."""
    from botocore.exceptions import NoRegionError

    if isinstance(error, NoRegionError):
        return f"no region is set: set {SET_REGION}"
    named = _setting_in(str(error), session) if session is not None else ""
    return f"{reason_of(error)}: {f'check {named}' if named else _ELSEWHERE}"


def wrong_setting(session: Any) -> str:
    """A clause about the first setting that botocore cannot read; empty if it can read all."""
    for name in session._session.session_var_map:
        try:
            session._session.get_config_variable(name)
        except ValueError as error:
            return f"{reason_of(error)}: check {_entry(session, name)}"
    return ""


def reason_of(error: Exception) -> str:
    """The library's message if it is meant for people, else the type of the error."""
    from botocore.exceptions import BotoCoreError

    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return displayable(f"{error.strerror}{where}", _LONGEST_REASON)
    if isinstance(error, BotoCoreError | ValueError | OSError | RuntimeError):
        words = " ".join(str(error).split()).removesuffix(".")
        return displayable(words, _LONGEST_REASON)
    return f"it has an unexpected form ({type(error).__name__})"


def unusable_certificates(file: str) -> str:
    """A sentence about a file of certificates that cannot be read; empty if it can.

    Reading a system's file takes 50 ms, and every place has the same one: it is read once, and
    again after a change.
    """
    try:
        found = Path(file).stat()
    except OSError as error:
        reason = error.strerror
    else:
        reason = _certificates_problem(file, (found.st_ino, found.st_ctime_ns))
    if not reason:
        return ""
    return (
        f"The file of certificates {displayable(file)} cannot be used ({reason}): check "
        "AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE and ca_bundle in the AWS config file."
    )


@lru_cache(maxsize=4)
def _certificates_problem(file: str, _version: tuple[int, int]) -> str | None:
    """Why certificates cannot be read, as a clause; empty if they can."""
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        return "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
    return ""


def machine_refusal(error: Exception) -> str:
    """What this machine lacks, if that is the innermost cause of the error; else empty."""
    lacking = (each for each in _causes(error) if _lacks_something(each))
    return next(filter(None, map(machine_fault, lacking)), "")


def _lacks_something(error: BaseException) -> bool:
    return not isinstance(error, OSError) or error.errno in _LACKING


def explain_tls(error: Exception) -> str:
    """What is wrong with the server's TLS and what to do; a clause after the server's name."""
    found = next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), None)
    if found is None and "match" in str(error):  # urllib3 compares the name itself
        return f"has a certificate for another host: {_SAME_HOST}"
    if not isinstance(found, ssl.SSLCertVerificationError):
        reason = getattr(found, "reason", None) or "no TLS"
        return (
            f"does not speak TLS as it should ({displayable(reason)}): check whether the endpoint "
            "(AWS_ENDPOINT_URL_S3) must begin with http:// or name another port"
        )
    why = displayable(found.verify_message.removesuffix("."), _LONGEST_REASON)
    way = _WAYS.get(found.verify_code, _TRUST_IT)
    return f"has a certificate that is not trusted ({why}): {way}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes: botocore and urllib3 wrap errors in one another."""
    yield error
    inner = getattr(error, "kwargs", {}).get("error") or getattr(error, "reason", None)
    for each in (inner, error.__cause__, *error.args):
        if isinstance(each, BaseException):
            yield from _causes(each)


def _source_of(error: Exception) -> str:
    """The name of the innermost botocore provider whose code raised the error."""
    source = ""
    for frame, _ in walk_tb(error.__traceback__):
        owner = frame.f_locals.get("self")
        name = getattr(owner, "METHOD", None) or getattr(owner, "method", None)
        source = name if isinstance(name, str) and name in _SOURCES else source
    return source


def _setting_in(text: str, session: Any) -> str:
    """The setting that a message is about, found by its name and its value.

    Empty if the settings cannot be read at all.
    """
    from botocore.exceptions import BotoCoreError

    with suppress(BotoCoreError):
        return next(_settings_in(text, session), "")
    return ""


def _settings_in(text: str, session: Any) -> Iterator[str]:
    words = re.sub(r"[^a-z0-9]", " ", text.lower())
    for name in sorted(session._session.session_var_map, key=len, reverse=True):
        value = session._session.get_config_variable(name)
        spoken_of = all(word in words for word in name.split("_"))
        if spoken_of and isinstance(value, str) and value and value in text:
            yield _entry(session, name)


def _entry(session: Any, name: str) -> str:
    entry, variables = session._session.session_var_map[name][:2]
    given = [variables] if isinstance(variables, str) else list(variables or ())
    inside = [f"{entry} in the AWS config file"] if entry else []
    return " or ".join([*given[-1:], *inside])
