"""The small interface through which everything reads and writes.

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
    """One listed object: key, size in bytes, entity tag (S3 only), time of its last write."""

    key: str
    size: int
    etag: str
    last_modified: datetime
    storage_class: str = "STANDARD"


Read = Tuple[str, Union[Blob, StoreError]]
"""What became of reading one key."""


class Store(Protocol):
    """A place for objects under one root: a bucket and prefix, or a directory."""

    uri: str

    def get(self, key: str) -> Blob:
        """The object at ``key``; raises NotFoundError."""

    def get_start(self, key: str, length: int) -> Blob:
        """The first ``length`` bytes of the object at ``key``, with the tag of all of it.

        Raises NotFoundError. The rest is not transferred.
        """

    def read_many(self, keys: Iterable[str], in_flight: int = 64) -> Iterator[Read]:
        """Each key with its blob or its error, in the order of ``keys``; never raises for one."""

    def put(
        self, key: str, data: bytes, if_match: Optional[str] = None, if_absent: bool = False
    ) -> str:
        """Write atomically and return the new entity tag.

        With ``if_match`` only over an object of that tag, with ``if_absent`` only where there is
        none; raises ConflictError otherwise. Asks again for a while if the store wants that.
        """

    def size(self, key: str) -> Optional[int]:
        """The size in bytes of the object at ``key``, or None."""

    def sizes(self, keys: Iterable[str], in_flight: int = 64) -> Dict[str, Optional[int]]:
        """The size in bytes of each object, None where there is none."""

    def move_many(
        self, moves: Iterable[Tuple[str, str]], in_flight: int = 64
    ) -> Dict[str, StoreError]:
        """Move objects, each from a key to a new key, replacing what was there.

        Returns the error of each new key whose object was not moved, NotFoundError among them. An
        object is never without a place: until its move is over it may be in both.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these objects; those that are already gone do not matter.

        Raises StoreError if one of them could not be removed.
        """

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """All objects whose key begins with ``prefix``, in UTF-8 byte order of their keys."""
