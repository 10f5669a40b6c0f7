"""The places source, raw and lake: parsing URIs, rejecting wrong ones, checking that they answer.

All of this is configuration, so every failure is a UsageError of one line.
"""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.keys import LONGEST_KEY_BYTES
from checkout_assets.domain.longest_prefixes import longest_prefix
from checkout_assets.engines.aws_explained import explain_tls, machine_refusal, reason_of
from checkout_assets.engines.aws_setup import (
    check_session,
    check_transport,
    configuring,
    made_for_s3,
)
from checkout_assets.engines.aws_variables import refuse_odd_variables
from checkout_assets.engines.failed_requests import failure_of, no_answer
from checkout_assets.engines.open_files import ensure_open_files
from checkout_assets.engines.silence import BotoEar, OnSilence, SilenceWatch, ignore_silence
from checkout_assets.settings import aws_variables
from spark_jobs.stores.sessions import REGION_VARIABLES
from spark_jobs.stores.terms import NO_TERMS, StoreTerms
from spark_jobs.stores.uris import parse_s3_uri

if TYPE_CHECKING:
    from spark_jobs.stores import LocalStore, S3Store

_MEANS_S3 = re.compile(r"\s*(?:s3[an]?:|arn:)", re.IGNORECASE)
_PROBE_CONNECT_SECONDS = 3
_PROBE_READ_SECONDS = 10
_PROBE = bytes(64 * 1024)


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and a prefix, which is empty or ends in a slash; every request carries ``terms``."""

    bucket: str
    prefix: str = ""
    terms: StoreTerms = NO_TERMS

    @property
    def uri(self) -> str:
        """For example ``s3://bucket/prefix``, without a slash at the end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def contains(self, other: "Location") -> bool:
        """Whether the other one is the same place or inside this one."""
        return (
            isinstance(other, S3Location)
            and other.bucket == self.bucket
            and other.prefix.startswith(self.prefix)
        )

    def on(self, terms: StoreTerms) -> "S3Location":
        """The same place with other terms."""
        return replace(self, terms=terms)

    def open(self, session: Any = None) -> "S3Store":
        """The store there, in the bucket's own region.

        Raises UsageError if Amazon does not return the region; it is transient if a retry may help.
        """
        from spark_jobs.stores.s3 import S3Store, s3_client
        from spark_jobs.stores.sessions import new_session

        session = session or new_session()
        client = s3_client(session, terms=self.terms)
        if ".amazonaws.com" in client.meta.endpoint_url:
            region = _region_of(client, self)
            if region not in {None, client.meta.region_name}:
                client = s3_client(session, region, self.terms)
        return S3Store(self.bucket, self.prefix, client, session, self.terms)


@dataclass(frozen=True, slots=True)
class LocalLocation:
    """A directory of this machine; it need not exist yet."""

    path: Path

    @property
    def terms(self) -> StoreTerms:
        """No terms: they apply to S3 only."""
        return NO_TERMS

    @property
    def uri(self) -> str:
        """The absolute path."""
        return str(self.path.absolute())

    def contains(self, other: "Location") -> bool:
        """Whether the other one is the same place or inside this one; follows symbolic links."""
        if not isinstance(other, LocalLocation):
            return False
        mine, others = self.path.resolve(), other.path.resolve()
        return mine == others or mine in others.parents

    def open(self) -> "LocalStore":
        """The store there."""
        from spark_jobs.stores.local import LocalStore

        return LocalStore(self.path)


Location = S3Location | LocalLocation


def parse_s3_location(uri: str, what: str, terms: StoreTerms = NO_TERMS) -> S3Location:
    """The bucket and prefix that ``uri`` names; ``what`` (source, raw, lake) is for the error."""
    try:
        bucket, prefix = parse_s3_uri(uri)
    except ValueError as reason:
        raise UsageError(f"The {what} {_shown(uri)} cannot be used: it {reason}.") from None
    location = S3Location(bucket, f"{prefix}/" if prefix else "", terms)
    _refuse_long_prefix(location, what)
    return location


def _refuse_long_prefix(location: S3Location, what: str) -> None:
    size, most = len(location.prefix.encode("utf-8", "surrogatepass")), longest_prefix(what)
    if size > most:
        raise UsageError(
            f"The prefix of the {what} {displayable(location.uri)} is too long: it has {size:,} "
            f"bytes with its slash, and at most {most:,} leave room below it for every key that "
            f"is written, since S3's keys end at {LONGEST_KEY_BYTES:,}. Choose a shorter one."
        )


def canonical_uri(uri: str, what: str) -> str:
    """The spelling of an S3 URI in records; empty if ``uri`` is empty."""
    return parse_s3_location(uri, what).uri if uri else ""


def parse_location(uri: str, what: str, terms: StoreTerms = NO_TERMS) -> Location:
    """The place in S3 with these terms, or the directory that a path or a file URI names."""
    from spark_jobs.stores.file_uris import is_file_uri, path_of

    if not uri:
        raise UsageError(f"The {what} is empty: write s3://bucket/prefix or a directory.")
    if not is_file_uri(uri) and ("://" in uri or _MEANS_S3.match(uri)):
        return parse_s3_location(uri, what, terms)
    if uri != uri.strip():
        raise UsageError(f"The {what} {_shown(uri)} begins or ends with a space: remove it.")
    if "\0" in uri:
        raise UsageError(f"The {what} {_shown(uri)} holds a null character: remove it.")
    try:
        return LocalLocation(Path(path_of(uri)) if is_file_uri(uri) else Path(uri).expanduser())
    except RuntimeError:
        raise UsageError(f"The {what} {_shown(uri)} begins with ~ and an unknown user.") from None
    except ValueError as reason:
        raise UsageError(f"The {what} {_shown(uri)} cannot be used: {reason}.") from None


def _shown(uri: str) -> str:
    """The URI in quotes, without any text before an @, which may be a password."""
    scheme, separator, rest = uri.rpartition("://")
    authority, slash, path = rest.partition("/")
    harmless = f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
    return f'"{displayable(harmless)}"'


def refuse_overlap(places: Mapping[str, Location]) -> None:
    """Raise UsageError if two of the named places are equal or one lies inside the other.

    A copy into its own source, or a table inside raw, would become its own input.
    """
    for (one, here), (other, there) in combinations(places.items(), 2):
        if here.contains(there) or there.contains(here):
            raise UsageError(
                f"The {one} {displayable(here.uri)} and the {other} {displayable(there.uri)} lie "
                "inside one another: give each a place of its own."
            )


def check_reachable(
    places: Mapping[str, Location],
    make_client: Callable[[], Any] | None = None,
    role_arn: str = "",
    on_silence: OnSilence = ignore_silence,
) -> None:
    """Check that every place answers, with its terms; raises UsageError if one does not.

    ``make_client`` returns a new boto3 client; places with the same terms share one. Without it,
    clients with short timeouts are used, with ``role_arn`` if it is given. ``on_silence`` is called
    if S3 is silent.
    """
    ensure_open_files()
    in_s3 = {what: place for what, place in places.items() if isinstance(place, S3Location)}
    session = _usable_principal(role_arn) if in_s3 else None
    client_on = _clients(make_client or _quick_clients(session), session)
    for what, place in places.items():
        if isinstance(place, S3Location):
            client = client_on(place.terms)
            _check_transport(place, client, session)
            with SilenceWatch(on_silence, BotoEar(client).heard):
                _check_bucket(client, place, what)
        else:
            _check_directory(place, what)


def check_writable(place: Location, what: str) -> None:
    """Raise UsageError if the directory cannot be written; the test leaves no files.

    For S3 nothing is checked: only a write shows whether it is permitted.
    """
    if not isinstance(place, LocalLocation):
        return
    try:
        with tempfile.TemporaryFile(dir=_nearest(place)) as probe:
            probe.write(_PROBE)
    except OSError as error:
        raise UsageError(
            f"The {what} {displayable(place.uri)} cannot be written: "
            f"{os.strerror(error.errno or 0)}."
        ) from None


def _nearest(place: LocalLocation) -> Path:
    """The directory itself, or the nearest one above it that exists."""
    path = place.path.absolute()
    return next(each for each in [path, *path.parents] if each.exists())


def _check_bucket(client: Any, place: S3Location, what: str) -> None:
    from botocore import exceptions as aws

    try:
        # A policy may allow listing this prefix only; HeadBucket would then be denied.
        answer = client.list_objects_v2(
            Bucket=place.bucket, Prefix=place.prefix, Delimiter="/", MaxKeys=1
        )
    except aws.ClientError as error:
        raise UsageError(_explain_refusal(error, place, what), failure_of(error)) from None
    except RecursionError:  # botocore follows every redirect
        raise _not_s3(client, place, what) from None
    except Exception as error:
        sentence = _explain_silence(error, client, place, what)
        raise UsageError(sentence, failure_of(error)) from None
    if "IsTruncated" not in answer:
        raise _not_s3(client, place, what)


def _not_s3(client: Any, place: S3Location, what: str) -> UsageError:
    """The error for a server that redirects every request, or returns another page."""
    return UsageError(
        f"The server at {_asked_at(client, place)}, where the {what} {place.uri} should be, does "
        "not answer as S3 does: check AWS_ENDPOINT_URL_S3 and any proxy on the way."
    )


def _explain_silence(error: Exception, client: Any, place: S3Location, what: str) -> str:
    """Why there was no response: because of this machine, the network, TLS or the server."""
    from botocore import exceptions as aws

    asked = f"{_asked_at(client, place)}, where the {what} {place.uri} should be"
    if lacking := machine_refusal(error):
        return f"The {what} {place.uri} cannot be reached: {lacking}."
    if isinstance(error, aws.SSLError):
        return f"The server at {asked}, {explain_tls(error)}."
    if isinstance(error, aws.ProxyConnectionError):
        return (
            f"The proxy on the way to {asked}, does not answer: check HTTP_PROXY, HTTPS_PROXY and "
            "NO_PROXY."
        )
    if isinstance(error, aws.ConnectionError | aws.ConnectTimeoutError | aws.ReadTimeoutError):
        return (
            f"No S3 server answers at {asked}: check the network, {REGION_VARIABLES[0]}, "
            f"{REGION_VARIABLES[1]} and AWS_ENDPOINT_URL_S3."
        )
    if isinstance(error, aws.HTTPClientError):
        return (
            f"The server at {asked}, does not answer as HTTP does: check whether the endpoint "
            "(AWS_ENDPOINT_URL_S3) must begin with https:// or name another port."
        )
    return f"The {what} {place.uri} cannot be reached: {reason_of(error)}."


def _explain_refusal(error: Any, place: S3Location, what: str) -> str:
    from spark_jobs.refusals import credentials_problem, meaning_of

    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    reasons = {403: _explain_denial(place, what), 404: "the bucket does not exist"}
    known = credentials_problem(code) or reasons.get(status)
    reason = known or meaning_of(displayable(code), "S3 answers {code}")
    return f"The {what} {place.uri} cannot be used: {reason}."


def _explain_denial(place: S3Location, what: str) -> str:
    reason = "access to it is denied: its policy and this principal's must both allow s3:ListBucket"
    if place.terms.owner:
        reason += f", and account {place.terms.owner} must own the bucket"
    if what == "source" and not place.terms.requester_pays:
        reason += "; a requester-pays bucket also needs --requester-pays"
    return reason


def _asked_at(client: Any, place: S3Location) -> str:
    from spark_jobs.transport.resolving import endpoint_of

    return endpoint_of(client, place.bucket).url


def _check_directory(place: LocalLocation, what: str) -> None:
    if not _nearest(place).is_dir():
        raise UsageError(f"The {what} {displayable(place.uri)} is not a directory.")


def principal(role_arn: str = "", region: str = "") -> Any:
    """A boto3 session of the configured AWS principal, or of a role that it assumes.

    ``region`` takes precedence over the environment.
    """
    from spark_jobs.stores.sessions import assume_role, new_session

    refuse_odd_variables(aws_variables())
    with configuring():
        session = new_session(region)
        return assume_role(session, role_arn) if role_arn else session


def _usable_principal(role_arn: str) -> Any:
    """That session, with settings and credentials that can be used; raises UsageError."""
    session = principal()
    check_session(session)
    if role_arn:
        session = principal(role_arn)
        check_session(session)
    # Other clients with the same settings, such as STS's, read settings that ours do not.
    made_for_s3(lambda: session.client("s3"), session)
    return session


def _quick_clients(session: Any) -> Callable[[], Any]:
    """Creates clients with short timeouts, for checks before any work."""
    from botocore.config import Config

    quickly = Config(
        connect_timeout=_PROBE_CONNECT_SECONDS,
        read_timeout=_PROBE_READ_SECONDS,
        retries={"mode": "standard", "max_attempts": 2},
    )
    return lambda: session.client("s3", config=quickly)


def _clients(make_client: Callable[[], Any], session: Any) -> Callable[[StoreTerms], Any]:
    """Returns one client per terms; raises UsageError if it cannot be created."""
    return cache(lambda terms: terms.bind(made_for_s3(make_client, session)))


def _check_transport(place: S3Location, client: Any, session: Any) -> None:
    """Raise UsageError if awscrt cannot be set up for this place."""
    from spark_jobs.stores.s3 import S3Store

    check_transport(S3Store(place.bucket, place.prefix, client, session, place.terms))


def _region_of(client: Any, place: S3Location) -> str | None:
    """The bucket's region, also if HeadBucket is denied; None if the server names none.

    It must be exact: awscrt's transport does not follow a redirect to another region.
    """
    from botocore.exceptions import ClientError

    try:
        answer = client.head_bucket(Bucket=place.bucket)
    except ClientError as error:
        answer = error.response
    except no_answer() as error:
        sentence = _explain_silence(error, client, place, "place")
        raise UsageError(sentence, failure_of(error)) from None
    headers: Mapping[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get("x-amz-bucket-region")
