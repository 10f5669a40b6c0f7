"""S3's endpoint, and the addresses of objects there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Tuple
from urllib.parse import quote, urlsplit

_PLAIN_KEY = re.compile(r"[A-Za-z0-9/._~-]*")


@dataclass(frozen=True)
class Endpoint:
    """S3's endpoint as botocore resolves it: see ``resolving.endpoint_of``.

    ``url`` may have a path, which precedes the bucket. With ``virtual_hosts`` the bucket is part of
    the host name, else of the path. ``ca_bundle`` is a file of certificates to trust instead of the
    system's (AWS_CA_BUNDLE).
    """

    url: str
    region: str
    ca_bundle: str = ""
    virtual_hosts: bool = False

    def address(self, bucket: str, key: str) -> Tuple[str, str]:
        """The Host header and the percent-encoded path of an object."""
        authority, base = self._parts
        path = "/" + encoded(key)
        if self.virtual_hosts:
            return f"{bucket}.{authority}", base + path
        return authority, f"{base}/{bucket}{path}"

    @cached_property
    def _parts(self) -> Tuple[str, str]:
        parts = urlsplit(self.url)
        return parts.netloc, parts.path.rstrip("/")


def encoded(key: str) -> str:
    """A key, percent-encoded for a request's path or for ``x-amz-copy-source``."""
    return key if _PLAIN_KEY.fullmatch(key) else quote(key, safe="/-_.~")


def copy_source(bucket: str, key: str) -> str:
    """An object, or a prefix of its key, as the value of ``x-amz-copy-source``.

    It has no leading slash, as in botocore: not every server accepts one.
    """
    return f"{bucket}/{encoded(key)}"
