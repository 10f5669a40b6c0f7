"""Messages for error codes, shared by copying, structuring and reconciling."""

from __future__ import annotations

from spark_jobs.service_codes import EXPIRED

UNREADABLE_CREDENTIALS = "Credentials."
"""Prefix of the code of a request that could not be signed; the provider's exception follows."""

ENDLESS_LISTING = "EndlessListing"
"""The server's listing repeats itself."""

LENGTH_MISSING = "LengthMissing"
"""A response does not state its length, so it may be incomplete."""

UNREADABLE_LISTING = "UnreadableListing"
UNREADABLE_ANSWER = "UnreadableAnswer"
"""A listing, or another response, lacks something that S3 always sends."""

_RENEW = "renew them (aws sso login, a new session of the role, or new keys)"
_WRONG_CREDENTIALS = {
    "InvalidAccessKeyId": "S3 does not know the access key: check it (AWS_ACCESS_KEY_ID or the "
    "profile's) and the endpoint",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key: set both "
    "again (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile's)",
    "InvalidToken": "the session token is not valid: set it again with its keys (AWS_SESSION_TOKEN "
    "or the profile's), or remove it if the keys need none",
}
_MEANINGS = {
    "AuthorizationHeaderMalformed": "the request was signed for another region than the server's: "
    "set AWS_REGION",
    ENDLESS_LISTING: "the server's listing repeats itself and does not come to an end",
    "RequestTimeTooSkewed": "this machine's clock is more than 15 minutes off: set it",
    LENGTH_MISSING: "a response does not state its length and may be incomplete: use no HTTP/1.0 "
    "proxy between this machine and S3",
    "TimedOut": "S3 did not answer in time",
    UNREADABLE_LISTING: "the server's listing cannot be read: it is cut off, or an entry lacks its "
    "key, size, ETag or time",
    UNREADABLE_ANSWER: "the server's answer cannot be read: it lacks what S3 always sends, such as "
    "the ETag",
    "400": "S3 refused a request without saying why (400), as it does if credentials have expired",
}

_MACHINE = {
    **dict.fromkeys(
        ("EMFILE", "ENFILE", "AWS_ERROR_MAX_FDS_EXCEEDED"),
        "this machine allows no more open files ({code}): raise the limit (ulimit -n 4096)",
    ),
    "EAGAIN": "this machine starts no more threads ({code}): raise the limit (ulimit -u)",
    **dict.fromkeys(
        ("ENOMEM", "AWS_ERROR_OOM"), "this machine has no more memory ({code}): free some"
    ),
}
_TLS = ("AWS_IO_TLS_", "SSLError")
"""Prefixes of awscrt's and boto3's names of TLS errors."""

_UNTRUSTED = (
    "no TLS connection to the server could be made ({code}): check its certificate and "
    "AWS_CA_BUNDLE"
)


def may_be_renewed(code: str) -> bool:
    """Whether the credentials had expired or could not be read: a retry may find others."""
    return code in EXPIRED or code.startswith(UNREADABLE_CREDENTIALS)


def credentials_problem(code: str) -> str:
    """A clause that says what is wrong with the credentials and what to do; empty if nothing is."""
    if code in EXPIRED:
        return f"the credentials have expired: {_RENEW}"
    if code.startswith(UNREADABLE_CREDENTIALS):
        cause = code[len(UNREADABLE_CREDENTIALS) :]
        return f"the credentials can no longer be read ({cause}): {_RENEW}"
    return _WRONG_CREDENTIALS.get(code, "")


def meaning_of(code: str, otherwise: str = "S3 answered {code}") -> str:
    """A clause that explains an error code; ``otherwise``, with the code, for an unknown one."""
    known = (
        _MEANINGS.get(code) or _MACHINE.get(code) or (_UNTRUSTED if code.startswith(_TLS) else "")
    )
    return credentials_problem(code) or (known or otherwise).format(code=code)
