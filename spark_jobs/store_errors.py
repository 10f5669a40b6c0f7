"""The exceptions of stores and of requests to S3; ``spark_jobs.stores`` exports them too."""

from __future__ import annotations

from typing import Any, Tuple

from spark_jobs.contract.failures import Failure
from spark_jobs.refusals import may_be_renewed, meaning_of


class StoreError(Exception):
    """A store refused a request or failed.

    ``code`` is S3's error code or an errno name, never content. ``transient`` says whether a retry
    may succeed.
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
        """The error as a value; expired credentials count as transient, they may be renewed."""
        return Failure(self.code, self.transient or may_be_renewed(self.code))

    @property
    def reason(self) -> str:
        """What happened, as a clause without names of objects."""
        return meaning_of(self.code, "the store answered {code}")


class DiskError(StoreError):
    """This machine could not read or write below ``directory``; ``code`` is an errno name."""

    def __init__(self, code: str, place: str, directory: str, meaning: str) -> None:
        super().__init__(code, place)
        self.directory = directory
        self.meaning = meaning

    def __reduce__(self) -> Tuple[type, Tuple[Any, ...]]:
        return type(self), (self.code, self.place, self.directory, self.meaning)

    @property
    def reason(self) -> str:
        """The directory and the system's message, such as ``No space left on device``."""
        return f"the directory {self.directory} cannot be used: {self.meaning} ({self.code})"


class NotFoundError(StoreError):
    """There is no object at the key."""


class ConflictError(StoreError):
    """A condition did not hold: the object was written or removed since it was read.

    ``condition`` is the header that did not hold, in lower case, if the store names it. If the
    store only asks for a retry, a transient StoreError is raised instead.
    """

    def __init__(self, code: str, place: str, transient: bool = False, condition: str = "") -> None:
        super().__init__(code, place, transient)
        self.condition = condition

    def __reduce__(self) -> Tuple[type, Tuple[Any, ...]]:
        return type(self), (self.code, self.place, self.transient, self.condition)
