"""How a store, or a request to S3, fails; ``spark_jobs.stores`` gives them out too."""

from __future__ import annotations

from typing import Any, Tuple

from spark_jobs.contract.failures import Failure
from spark_jobs.refusals import may_be_renewed, meaning_of


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
    def failure(self) -> Failure:
        """The error as a value; with other credentials, what has expired may succeed."""
        return Failure(self.code, self.transient or may_be_renewed(self.code))

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
