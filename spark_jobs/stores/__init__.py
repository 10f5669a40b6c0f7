"""Reading and writing objects, the same in S3 and on disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Union

from spark_jobs.stores.base import (
    Blob,
    ConflictError,
    Entry,
    NotFoundError,
    Read,
    Store,
    StoreError,
)
from spark_jobs.stores.local import LocalStore
from spark_jobs.stores.s3 import S3Store

__all__ = [
    "Blob",
    "ConflictError",
    "Entry",
    "LocalStore",
    "NotFoundError",
    "Read",
    "S3Store",
    "Store",
    "StoreError",
    "open_store",
]

_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)


def open_store(uri: str) -> Union[S3Store, LocalStore]:
    """The store at ``s3://bucket[/prefix]`` or at a local path; raises ValueError for another."""
    if match := _S3_URI.fullmatch(uri):
        return S3Store(match[1], match[2] or "")
    if "://" in uri or not uri:
        raise ValueError("a store is s3://bucket/prefix or a local path")
    return LocalStore(Path(uri))
