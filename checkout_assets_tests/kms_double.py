"""S3 behind a proxy, with SSE-KMS and with conditions on copies, as its user guide has them.

The server behind knows neither: its tags are MD5s, and it ignores If-Match and If-None-Match on
CopyObject. Here each write of an encrypted object gives another tag, which only looks like an MD5.
"""

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request

_CONTENTS = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)
_KEY = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)
_ETAG = re.compile(rb"(<ETag>)[^<]*(</ETag>)")
_CONDITIONS = ("if-match", "if-none-match", "x-amz-copy-source-if-match")


class KmsDouble:
    """Answers for the server behind ``proxy``, with which ``client`` speaks directly.

    ``encrypted`` tells which ``/bucket/key`` are under SSE-KMS, and ``checksum`` what S3 keeps of
    one beside its tag. Without ``names_conditions`` a 412 does not say which condition failed;
    with ``ignores_copies`` copies are made whatever their conditions on the destination say.
    """

    def __init__(
        self, proxy: FaultProxy, client: Any, encrypted: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.encrypted = encrypted
        self.checksum: Callable[[str], str] = lambda _: ""
        self.names_conditions = True
        self.ignores_copies = False
        self._proxy = proxy
        self._client = client
        self._tags: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def rule(self, request: Request) -> Answer | None:
        """What S3 answers; None where the server behind does as S3 would."""
        path = unquote(urlsplit(request.path).path)
        if "list-type=2" in request.path:
            return self._list(request, path.strip("/"))
        if request.method in {"GET", "HEAD"} and path.count("/") > 1 and self.encrypted(path):
            return self._read(request, path)
        completes = request.method == "POST" and "uploadId=" in request.path
        if completes or (request.method == "PUT" and path.count("/") > 1):
            with self._lock:
                return self._write(request, path)
        return None

    def tag(self, path: str) -> str | None:
        """The tag of what is there, or None."""
        bucket, _, key = path.lstrip("/").partition("/")
        try:
            real = str(self._client.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
        except ClientError:
            return None
        if not self.encrypted(path):
            return real
        if self._tags.get(path, ("", ""))[0] != real:
            self._tags[path] = (real, secrets.token_hex(16))
        return self._tags[path][1]

    def _write(self, request: Request, path: str) -> Answer:
        failed = self._failed_condition(request.headers, path)
        if failed is not None:
            return failed
        headers = {n: v for n, v in request.headers.items() if n not in _CONDITIONS}
        answer = self._proxy.forward(replace(request, headers=headers))
        if "partNumber=" in request.path or answer.status != 200 or not self.encrypted(path):
            return answer
        self._tags.pop(path, None)
        tag = self.tag(path)
        headers = tuple(
            (name, f'"{tag}"' if name.lower() == "etag" else value)
            for name, value in answer.headers
        )
        body = _ETAG.sub(f'\\g<1>"{tag}"\\g<2>'.encode(), answer.body)
        return replace(answer, headers=headers, exact=body)

    def _failed_condition(self, headers: Mapping[str, str], path: str) -> Answer | None:
        source = headers.get("x-amz-copy-source")
        if source is not None:
            wanted = headers.get("x-amz-copy-source-if-match")
            place = "/" + unquote(source).lstrip("/")
            failed = self._failed_match(wanted, place, "x-amz-copy-source-If-Match")
            if failed is not None or self.ignores_copies:
                return failed
        if "if-none-match" in headers and self.tag(path) is not None:
            return self._refusal("If-None-Match")
        return self._failed_match(headers.get("if-match"), path, "If-Match")

    def _failed_match(self, wanted: str | None, path: str, condition: str) -> Answer | None:
        if wanted is None:
            return None
        there = self.tag(path)
        if there is None:
            return Answer(404, "NoSuchKey")
        return None if wanted.strip('"') == there else self._refusal(condition)

    def _refusal(self, condition: str) -> Answer:
        named = f"<Condition>{condition}</Condition>" if self.names_conditions else ""
        content = f"<Error><Code>PreconditionFailed</Code>{named}</Error>"
        return Answer(412, content=content)

    def _read(self, request: Request, path: str) -> Answer | None:
        plain = {n: v for n, v in request.headers.items() if n not in _CONDITIONS}
        answer = self._proxy.forward(replace(request, headers=plain))
        tag = self.tag(path)
        if tag is None:
            return answer
        if request.headers.get("if-match", tag).strip('"') != tag:
            return self._refusal("If-Match")
        told = {
            name.lower(): value
            for name, value in answer.headers
            if not name.lower().startswith("x-amz-checksum-")
        }
        told |= {"etag": f'"{tag}"', "x-amz-server-side-encryption": "aws:kms"}
        if self.checksum(path) and request.method == "HEAD":
            told["x-amz-checksum-crc64nvme"] = self.checksum(path)
            told["x-amz-checksum-type"] = "FULL_OBJECT"
        return replace(answer, headers=tuple(told.items()))

    def _list(self, request: Request, bucket: str) -> Answer:
        def retagged(found: "re.Match[bytes]") -> bytes:
            key = _KEY.search(found[0])
            assert key is not None
            tag = self.tag(f"/{bucket}/{unquote(key[1].decode())}")
            return _ETAG.sub(f'\\g<1>"{tag}"\\g<2>'.encode(), found[0])

        answer = self._proxy.forward(request)
        return replace(answer, exact=_CONTENTS.sub(retagged, answer.body))
