"""What canaries leave in S3, and its removal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from checkout_assets.domain.canary import CANARIES, RUNS_OF_CANARIES, canary_is_over, is_canary
from spark_jobs.stores import Store


@dataclass(frozen=True, slots=True)
class CanaryPlaces:
    """The migration's raw and lake, and the place where instances report."""

    raw: Store
    lake: Store
    fleet: Store

    def found(self) -> set[str]:
        """Return the ids of all canaries that left objects; raises StoreError."""
        return {
            name
            for store, prefix in self._prefixes()
            for entry in store.list(prefix)
            if is_canary(name := entry.key.split("/")[1])
        }

    def remove(self, canary: str) -> int:
        """Remove all objects of this canary and return their number; raises StoreError."""
        removed = 0
        for store, prefix in self._prefixes():
            below = f"{prefix.partition('/')[0]}/{canary}/"
            keys = [entry.key for entry in store.list(below)]
            store.delete(keys)
            removed += len(keys)
        return removed

    def remove_outlived(self, now: datetime) -> int:
        """Remove what earlier canaries left, unless they may still be running."""
        return sum(self.remove(each) for each in self.found() if canary_is_over(each, now))

    def _prefixes(self) -> Iterator[tuple[Store, str]]:
        yield self.raw, CANARIES
        yield self.lake, CANARIES
        yield self.fleet, RUNS_OF_CANARIES
