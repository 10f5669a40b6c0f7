"""Reading and writing objects, in S3 and on disk through one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple, Union

from spark_jobs.store_errors import ConflictError, DiskError, NotFoundError, StoreError
from spark_jobs.stores.base import Blob, Entry, Read, Store
from spark_jobs.stores.file_uris import is_file_uri, path_of
from spark_jobs.stores.local import LocalStore
from spark_jobs.stores.s3 import S3Store
from spark_jobs.stores.terms import NO_TERMS, StoreTerms
from spark_jobs.stores.uris import parse_s3_uri

__all__ = [
    "Blob",
    "ConflictError",
    "DiskError",
    "Entry",
    "LocalStore",
    "NotFoundError",
    "Read",
    "S3Store",
    "Store",
    "StoreError",
    "StoreTerms",
    "open_store",
    "parse_s3_uri",
]


_NO_STORE = "a store is s3://bucket/prefix or a local path"


def open_store(uri: str, terms: StoreTerms = NO_TERMS) -> Union[S3Store, LocalStore]:
    """The store at ``s3://bucket[/prefix]``, at a local path or at a file URI.

    ``terms`` apply to S3 only. Raises ValueError for anything else.
    """
    if uri.startswith("s3://"):
        return S3Store(*_s3_place(uri), terms=terms)
    if is_file_uri(uri):
        return LocalStore(Path(path_of(uri)))
    if "://" in uri or not uri:
        raise ValueError(_NO_STORE)
    return LocalStore(Path(uri))


def _s3_place(uri: str) -> Tuple[str, str]:
    try:
        return parse_s3_uri(uri)
    except ValueError as reason:
        raise ValueError(f"{_NO_STORE}; this one {reason}") from None
