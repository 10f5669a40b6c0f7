"""A store in S3: boto3 for single small requests, awscrt for many objects."""

from __future__ import annotations

import contextlib
import random
import re
from concurrent.futures import Future
from functools import cached_property
from itertools import chain
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from spark_jobs.refusals import UNREADABLE_ANSWER, UNREADABLE_CREDENTIALS
from spark_jobs.service_codes import is_transient
from spark_jobs.store_errors import ConflictError, NotFoundError, StoreError
from spark_jobs.stores.base import Blob, Entry, Read
from spark_jobs.stores.bodies import send_bodies_at_once
from spark_jobs.stores.bulk import delete_in_batches, side_by_side
from spark_jobs.stores.digests import use_md5_elsewhere
from spark_jobs.stores.listing import Page, Question, list_pages, told_size
from spark_jobs.stores.ranges import PAGES_AHEAD, list_ranges
from spark_jobs.stores.sessions import new_session
from spark_jobs.stores.terms import NO_TERMS, StoreTerms
from spark_jobs.transport.answers import Headers, Response, copied_etag
from spark_jobs.transport.calls import OnEnd
from spark_jobs.transport.client import CrtS3, shared_client
from spark_jobs.transport.endpoints import Endpoint, copy_source
from spark_jobs.transport.resolving import endpoint_of

_NOT_FOUND = frozenset(("404", "NoSuchKey", "NotFound"))
_CONFLICTS = frozenset(("412", "PreconditionFailed"))
_CONFLICT = 409
_UNFIT_FOR_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that a request for several deletions cannot hold, because its body is XML 1.0."""
_MOST_ATTEMPTS = 8
_SHORTEST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
"""With full jitter eight attempts take about two seconds."""


HeadStarter = Callable[[str, OnEnd, Headers], None]

_OF_PAGES = {"ContentType": "text/html; charset=utf-8"}
"""Without this type a browser saves a page instead of showing it."""


class S3Store:
    """Objects below ``s3://bucket/prefix``, with the standard AWS configuration.

    Every request carries ``terms``, through either transport. A ``client``, if given, must have
    been made with the same terms.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        client: Any = None,
        session: Any = None,
        terms: StoreTerms = NO_TERMS,
    ) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix and not prefix.endswith("/") else prefix
        self.uri = f"s3://{bucket}/{self.prefix}".rstrip("/")
        self.terms = terms
        self._session = session or new_session()
        made = client or s3_client(self._session, terms=terms)
        self.client = send_bodies_at_once(use_md5_elsewhere(made))
        self._headers = terms.headers()
        self._where: Dict[str, Any] = {"Bucket": bucket}

    @cached_property
    def endpoint(self) -> Endpoint:
        """The endpoint of the bucket; raises StoreError if the configuration names none.

        Both transports use the same endpoint: it is taken from a request of the client that is
        never sent.
        """
        with _errors(""):
            return self._resolve()

    def _resolve(self) -> Endpoint:
        return endpoint_of(self.client, self.bucket)

    @property
    def credentials(self) -> Any:
        """botocore's credentials object, which refreshes itself."""
        return self._session.get_credentials()

    def rehearse(self) -> None:
        """Do all that an awscrt request needs except sending it; raises any error."""
        CrtS3(self._resolve(), self.credentials).rehearse(self.bucket)

    @property
    def trusted_certificates(self) -> str:
        """The file of certificates that both transports trust; empty without TLS."""
        endpoint = self._resolve()
        return endpoint.ca_bundle if endpoint.url.startswith("https:") else ""

    def crt(self) -> CrtS3:
        """The process's awscrt client for this endpoint."""
        return shared_client(self._session, self.endpoint)

    def get(self, key: str) -> Blob:
        with _errors(key):
            answer = self.client.get_object(**self._where, Key=self.prefix + key)
            return Blob(answer["Body"].read(), etag_in(answer, key))

    def get_start(self, key: str, length: int) -> Blob:
        start = ("range", f"bytes=0-{length - 1}")
        answer = (
            self.crt().send("GET", self.bucket, self.prefix + key, [*self._headers, start]).result()
        )
        # A server that ignores Range sends the whole object.
        return _blob(key, answer._replace(body=answer.body[:length]))

    def read_many(self, keys: Iterable[str], in_flight: int = 64) -> Iterator[Read]:
        crt = self.crt()
        sent = ((key, self._send(crt, "GET", key)) for key in keys)
        for key, answer in side_by_side(sent, in_flight):
            yield key, answer if isinstance(answer, StoreError) else _read(key, answer)

    def put(
        self, key: str, data: bytes, if_match: Optional[str] = None, if_absent: bool = False
    ) -> str:
        condition = {}
        if if_match is not None:
            condition["IfMatch"] = f'"{if_match}"'
        elif if_absent:
            condition["IfNoneMatch"] = "*"
        try:
            return self._put(key, data, condition)
        except (ConflictError, NotFoundError) as error:
            if not condition:
                raise
            return self._unless_written(key, data, error)

    def _put(self, key: str, data: bytes, condition: Mapping[str, str]) -> str:
        with _errors(key):
            answer = self.client.put_object(
                **self._where,
                Key=self.prefix + key,
                Body=data,
                **condition,
                **(_OF_PAGES if key.endswith(".html") else {}),
            )
        return etag_in(answer, key)

    def _unless_written(self, key: str, data: bytes, error: StoreError) -> str:
        """The tag of the object at ``key`` if it is ``data``; else raises ConflictError.

        A conditional write whose response was lost is retried, and then conflicts with itself.
        """
        with contextlib.suppress(NotFoundError):
            found = self.get(key)
            if found.data == data:
                return found.etag
        raise ConflictError(error.code, key) from None

    def size(self, key: str) -> Optional[int]:
        try:
            with _errors(key):
                answer = self.client.head_object(**self._where, Key=self.prefix + key)
        except NotFoundError:
            return None
        return _size_in(answer.get("ContentLength"), key)

    def sizes(self, keys: Iterable[str], in_flight: int = 64) -> Dict[str, Optional[int]]:
        crt = self.crt()
        sizes: Dict[str, Optional[int]] = {}
        sent = ((key, self._send(crt, "HEAD", key)) for key in keys)
        for key, answer in side_by_side(sent, in_flight):
            if isinstance(answer, Response):
                sizes[key] = _size_in(answer.header("content-length"), key)
            elif isinstance(answer, NotFoundError):
                sizes[key] = None
            else:
                raise answer
        return sizes

    def move_many(
        self, moves: Iterable[Tuple[str, str]], in_flight: int = 64
    ) -> Dict[str, StoreError]:
        """S3 cannot rename, so this copies all objects and then deletes those that were copied."""
        crt = self.crt()
        waiting = list(moves)
        sent = ((new_key, self._send_copy(crt, key, new_key)) for key, new_key in waiting)
        failed: Dict[str, StoreError] = {}
        for new_key, answer in side_by_side(sent, in_flight):
            if isinstance(answer, StoreError):
                failed[new_key] = answer
            elif not copied_etag(answer):
                failed[new_key] = unreadable_answer(new_key)
        self.delete(key for key, new_key in waiting if new_key not in failed)
        return failed

    def delete(self, keys: Iterable[str]) -> None:
        delete_in_batches(keys, self._delete_once)

    def _delete_once(self, keys: List[str]) -> Dict[str, StoreError]:
        odd = [key for key in keys if _UNFIT_FOR_XML.search(self.prefix + key)]
        failed = self._delete_alone(odd)
        plain = [key for key in keys if key not in odd] if odd else keys
        return {**failed, **self._delete_together(plain)} if plain else failed

    def _delete_alone(self, keys: Iterable[str]) -> Dict[str, StoreError]:
        failed: Dict[str, StoreError] = {}
        for key in keys:
            try:
                with _errors(key):
                    self.client.delete_object(**self._where, Key=self.prefix + key)
            except NotFoundError:
                pass
            except StoreError as error:
                failed[key] = error
        return failed

    def _delete_together(self, keys: List[str]) -> Dict[str, StoreError]:
        objects = [{"Key": self.prefix + key} for key in keys]
        with _errors(keys[0]):
            answer = self.client.delete_objects(
                **self._where, Delete={"Objects": objects, "Quiet": True}
            )
        errors = [self._delete_error(told) for told in answer.get("Errors", ())]
        failed = {error.place: error for error in errors if error.code not in _NOT_FOUND}
        # Failed keys are deleted again, so a key that was not requested must not be among them.
        not_asked = failed.keys() - set(keys)
        if not_asked:
            raise failed[not_asked.pop()]
        return failed

    def _delete_error(self, told: Mapping[str, str]) -> StoreError:
        key = str(told.get("Key")).removeprefix(self.prefix)
        code = str(told.get("Code"))
        return StoreError(code, key, transient=is_transient(code))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return chain.from_iterable(page.entries() for page in list_pages(self._question(prefix)))

    def pages(self, prefix: str, ahead: int = PAGES_AHEAD) -> Iterator[Page]:
        """The objects of ``list``, page by page; up to ``ahead`` ranges are listed at once."""
        return list_ranges(self._question(prefix), ahead)

    def _question(self, prefix: str) -> Question:
        whole = self.prefix + prefix
        return Question(self.crt(), self.bucket, whole, len(self.prefix), self._headers)

    def head(self, key: str) -> Mapping[str, Any]:
        """The headers of the object at ``key``, as boto3 names them; raises NotFoundError."""
        with _errors(key):
            head: Mapping[str, Any] = self.client.head_object(**self._where, Key=self.prefix + key)
        return head

    def tags(self, key: str) -> Dict[str, str]:
        """The tags of the object at ``key``; raises NotFoundError."""
        with _errors(key):
            told = self.client.get_object_tagging(**self._where, Key=self.prefix + key)
        return {each["Key"]: each["Value"] for each in told["TagSet"]}

    def head_starter(self) -> HeadStarter:
        """A function that requests an object's headers without waiting, as ``CrtS3.start`` does.

        It takes the key, the callback for the end, and further request headers.
        """
        crt = self.crt()

        def start(key: str, on_end: OnEnd, headers: Headers) -> None:
            whole = [*self._headers, *headers]
            crt.start("HEAD", self.bucket, self.prefix + key, on_end, whole)

        return start

    def _send(self, crt: CrtS3, method: str, key: str) -> Future[Response]:
        return crt.send(method, self.bucket, self.prefix + key, self._headers)

    def _send_copy(self, crt: CrtS3, key: str, new_key: str) -> Future[Response]:
        source = copy_source(self.bucket, self.prefix + key)
        headers = [("x-amz-copy-source", source), *self._headers, *self.terms.write_headers()]
        return crt.send("PUT", self.bucket, self.prefix + new_key, headers)


def etag_in(answer: Mapping[str, Any], key: str) -> str:
    """The entity tag in a response of boto3, without quotes; raises StoreError if it has none.

    Records and comparisons depend on it, and S3 always sends it.
    """
    etag = str(answer.get("ETag") or "").strip('"')
    if not etag:
        raise unreadable_answer(key)
    return etag


def _size_in(told: Union[int, str, None], key: str) -> int:
    """The size in bytes in a response; raises StoreError if it has none."""
    try:
        return told_size(str(told))
    except ValueError:
        raise unreadable_answer(key) from None


def unreadable_answer(key: str) -> StoreError:
    """The error of a response that lacks something that S3 always sends."""
    return StoreError(UNREADABLE_ANSWER, key, is_transient(UNREADABLE_ANSWER))


def _read(key: str, response: Response) -> Union[Blob, StoreError]:
    try:
        return _blob(key, response)
    except StoreError as error:
        return error


def _blob(key: str, response: Response) -> Blob:
    return Blob(response.body, etag_in({"ETag": response.etag}, key))


def s3_client(session: Any, region: Optional[str] = None, terms: StoreTerms = NO_TERMS) -> Any:
    """A boto3 client that retries transient errors with back-off and jitter.

    ``region`` is the bucket's, if it differs from the session's; every request carries ``terms``.
    """
    from botocore.config import Config

    client = session.client(
        "s3",
        region_name=region,
        config=Config(
            retries={"mode": "standard", "max_attempts": 6},
            max_pool_connections=32,
            user_agent_extra="checkout-assets",
        ),
    )
    client.meta.events.register("needs-retry.s3", _ask_again)
    return terms.bind(client)


def _ask_again(response: Any, attempts: int, operation: Any, **_: object) -> Optional[float]:
    """Seconds to wait before a retry that botocore would not make; None to give up.

    botocore does not retry two of S3's transient errors: a conditional write during another one,
    and KMS's throttling that S3 passes on. A CompleteMultipartUpload that met another write must
    not be retried: the upload has to begin again (API reference).
    """
    if response is None or attempts >= _MOST_ATTEMPTS:
        return None
    answer, parsed = response
    code = str(parsed.get("Error", {}).get("Code", ""))
    is_lost = operation.name == "CompleteMultipartUpload" and answer.status_code == _CONFLICT
    if is_lost or not is_transient(code, answer.status_code):
        return None
    return random.uniform(0, min(_LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * 2**attempts))


@contextlib.contextmanager
def _errors(key: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        if code in _NOT_FOUND:
            raise NotFoundError("NoSuchKey", key) from None
        if code in _CONFLICTS:
            raise ConflictError(code, key) from None
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise StoreError(code, key, transient=is_transient(code, status)) from None
    except BotoCoreError as error:
        code = _code_of(error)
        raise StoreError(code, key, transient=is_transient(code)) from None
    except RuntimeError as error:
        # Raised by botocore's RefreshableCredentials, and by nothing else in botocore.
        if "expired" not in str(error):
            raise
        raise StoreError("ExpiredToken", key) from None


def _code_of(error: Exception) -> str:
    from botocore import exceptions as aws

    name = type(error).__name__
    about_credentials = (
        aws.NoCredentialsError,
        aws.PartialCredentialsError,
        aws.CredentialRetrievalError,
        aws.TokenRetrievalError,
        aws.SSOError,
    )
    return UNREADABLE_CREDENTIALS + name if isinstance(error, about_credentials) else name
