"""The figures that a benchmark must reach, and whether it did."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that must be at most ``bound``, or ``at_least`` that."""

    what: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def report_targets(console: Console, targets: Sequence[Target]) -> int:
    """Print each target; returns the exit code: 1 if one is missed."""
    for target in targets:
        sign = "at least" if target.at_least else "at most"
        verdict = "met" if target.met else "MISSED"
        console.print(f"{target.what}: {target.value:.2f}, {sign} {target.bound:.3g}: {verdict}")
    return 0 if all(target.met for target in targets) else 1


def target_documents(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """The targets for a file of results."""
    return [{**asdict(target), "met": target.met} for target in targets]
