"""What an error code means, in words that copying, structuring and reconciling share."""

from __future__ import annotations

EXPIRED = frozenset(
    ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
)
"""Worth another try as soon as there are other credentials."""

UNREADABLE_CREDENTIALS = "Credentials."
"""Begins the code of a request that could not be signed; then comes what the provider raised."""

ENDLESS_LISTING = "EndlessListing"
"""A server whose listing goes in circles."""

_RENEW = "renew them (aws sso login, new keys, or the role's session) and run it again"


def meaning_of(code: str, otherwise: str = "S3 answered {code}") -> str:
    """A clause about an error code of S3 that is neither the object's nor the bucket's."""
    if code in EXPIRED:
        return f"the credentials have expired: {_RENEW}"
    if code.startswith(UNREADABLE_CREDENTIALS):
        cause = code[len(UNREADABLE_CREDENTIALS) :]
        return f"the credentials can no longer be read ({cause}): {_RENEW}"
    if code == ENDLESS_LISTING:
        return "the server's listing repeats itself and does not come to an end"
    if code == "TimedOut":
        return "S3 did not answer in time"
    return otherwise.format(code=code)
