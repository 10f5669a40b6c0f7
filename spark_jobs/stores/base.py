"""The small interface through which everything reads and writes, and its errors.

Keys are relative to the store's root and never begin with a slash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, NamedTuple, Optional, Protocol, Tuple, Union

from spark_jobs.stores.refusals import meaning_of


class StoreError(Exception):
    """A store refused or failed; ``code`` is S3's error code or an errno name, never content.

    ``transient`` tells whether asking again may help.
    """

    def __init__(self, code: str, place: str, transient: bool = False) -> None:
        super().__init__(f"{code} at {place}")
        self.code = code
        self.place = place
        self.transient = transient

    def __reduce__(self) -> Tuple[type, Tuple[Any, ...]]:
        return type(self), (self.code, self.place, self.transient)

    @property
    def reason(self) -> str:
        """What happened, as the subject and verb of a sentence without names of objects."""
        return meaning_of(self.code, "the store answered {code}")


class DiskError(StoreError):
    """This machine refused to read or write below ``directory``; ``code`` is an errno name."""

    def __init__(self, code: str, place: str, directory: str, meaning: str) -> None:
        super().__init__(code, place)
        self.directory = directory
        self.meaning = meaning

    def __reduce__(self) -> Tuple[type, Tuple[Any, ...]]:
        return type(self), (self.code, self.place, self.directory, self.meaning)

    @property
    def reason(self) -> str:
        """The directory and what the system says of it, such as ``No space left on device``."""
        return f"the directory {self.directory} cannot be used: {self.meaning} ({self.code})"


class NotFoundError(StoreError):
    """There is no object at that key."""


class ConflictError(StoreError):
    """A condition did not hold: the object was written or removed since it was looked at.

    ``condition`` is the header that did not hold, in lower case, if the store says which. A store
    that only wants to be asked again raises a transient StoreError instead.
    """

    def __init__(self, code: str, place: str, transient: bool = False, condition: str = "") -> None:
        super().__init__(code, place, transient)
        self.condition = condition

    def __reduce__(self) -> Tuple[type, Tuple[Any, ...]]:
        return type(self), (self.code, self.place, self.transient, self.condition)


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
