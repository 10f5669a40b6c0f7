"""Why work was given up, as a value that decides whether it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable


@dataclass(frozen=True)
class Failure:
    """Why a folder was given up, for whoever decides whether to try it again.

    ``code`` is the name that a service, a library or the machine gave it (see service_codes), or a
    word of this program's; it is for decisions and counts, the sentence beside it is for people.
    ``transient``: the same work may succeed later, although it has been tried again already.
    """

    code: str
    transient: bool = False

    @classmethod
    def of(cls, code: str, others: Iterable[Failure] = ()) -> Failure:
        """The failure that several come to: transient only if each of them is."""
        return cls(code, all(other.transient for other in others))
