"""The interface of all stores.

Keys are relative to the store's root and never begin with a slash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Dict, Iterable, Iterator, NamedTuple, Optional, Protocol, Tuple, Union

from spark_jobs.store_errors import StoreError


@dataclass(frozen=True)
class Blob:
    """An object's bytes and its entity tag (without quotes)."""

    data: bytes
    etag: str


class Entry(NamedTuple):
    """One listed object: key, size in bytes, entity tag (S3 only), time of the last write."""

    key: str
    size: int
    etag: str
    last_modified: datetime
    storage_class: str = "STANDARD"


Read = Tuple[str, Union[Blob, StoreError]]
"""A key, and its blob or the error of reading it."""


class Store(Protocol):
    """A place for objects under one root: a bucket and prefix, or a directory."""

    uri: str

    def get(self, key: str) -> Blob:
        """The object at ``key``; raises NotFoundError."""

    def get_start(self, key: str, length: int) -> Blob:
        """The first ``length`` bytes of the object at ``key``, with the tag of the whole object.

        The rest is not transferred. Raises NotFoundError.
        """

    def read_many(self, keys: Iterable[str], in_flight: int = 64) -> Iterator[Read]:
        """Each key with its blob or its error, in the order of ``keys``; raises for no key."""

    def put(
        self, key: str, data: bytes, if_match: Optional[str] = None, if_absent: bool = False
    ) -> str:
        """Write atomically and return the new entity tag.

        With ``if_match``, only over an object with that tag; with ``if_absent``, only if there is
        none; otherwise raises ConflictError. Transient errors are retried.
        """

    def size(self, key: str) -> Optional[int]:
        """The size in bytes of the object at ``key``, or None."""

    def sizes(self, keys: Iterable[str], in_flight: int = 64) -> Dict[str, Optional[int]]:
        """The size in bytes of the object at each key, or None."""

    def move_many(
        self, moves: Iterable[Tuple[str, str]], in_flight: int = 64
    ) -> Dict[str, StoreError]:
        """Move objects, each from a key to a new key, replacing any object there.

        Returns the error of each new key whose object was not moved, NotFoundError included. At
        every moment the object is at one of its keys or at both.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these objects, ignoring those that do not exist.

        Raises StoreError if one of them could not be removed.
        """

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """All objects whose key begins with ``prefix``, in UTF-8 byte order of their keys."""
