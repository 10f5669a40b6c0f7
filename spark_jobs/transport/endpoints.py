"""Where S3 answers, and how an object is named there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Tuple
from urllib.parse import quote, urlsplit

_PLAIN_KEY = re.compile(r"[A-Za-z0-9/._~-]*")


@dataclass(frozen=True)
class Endpoint:
    """Where S3 answers, as botocore resolves it: see ``resolving.endpoint_of``.

    ``url`` may have a path, below which buckets lie. With ``virtual_hosts`` the bucket goes before
    the host, else before the key. ``ca_bundle`` is a file of certificates to trust instead of the
    system's: AWS_CA_BUNDLE.
    """

    url: str
    region: str
    ca_bundle: str = ""
    virtual_hosts: bool = False

    def address(self, bucket: str, key: str) -> Tuple[str, str]:
        """Host header and percent-encoded path of an object."""
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
    """A key as it stands in a request's path or in ``x-amz-copy-source``."""
    return key if _PLAIN_KEY.fullmatch(key) else quote(key, safe="/-_.~")


def copy_source(bucket: str, key: str) -> str:
    """An object, or the beginning of its key, as the value of ``x-amz-copy-source``.

    Without a slash before it, as botocore sends it: not every server takes one.
    """
    return f"{bucket}/{encoded(key)}"
