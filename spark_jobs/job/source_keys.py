"""The proof that each source key of a folder is staged once: a sum over keys, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Iterable, Optional

_MODULUS = 1 << 64


@dataclass(frozen=True)
class SourceKeys:
    """The number of source keys, and the sum of their 64-bit hashes modulo 2^64.

    Two different collections of keys, where one is missing, replaced or repeated, have the same sum
    with a probability of 2^-64.
    """

    count: int = 0
    total: int = 0

    @classmethod
    def of(cls, keys: Iterable[Optional[str]]) -> SourceKeys:
        """Count these keys; a row without one counts as the empty key, which no manifest has."""
        hashes = [blake2b((key or "").encode(), digest_size=8).digest() for key in keys]
        return cls(len(hashes), sum(map(_number, hashes)) % _MODULUS)

    def plus(self, other: SourceKeys) -> SourceKeys:
        """The sum of both."""
        return SourceKeys(self.count + other.count, (self.total + other.total) % _MODULUS)


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")
