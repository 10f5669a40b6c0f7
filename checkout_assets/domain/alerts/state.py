"""What has been sent to each target, so that nothing is sent again after the daemon restarts.

A target is identified by a digest, because its URL may contain a secret.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from checkout_assets.domain.alerts.found import (
    Alert,
    Situation,
    WatchedCheck,
    check_alerts,
    late_alerts,
    machine_alerts,
    run_alerts,
)
from checkout_assets.domain.alerts.levels import PackedLevels, pack_levels, unpack_levels

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 60, 3600
_MOST_DOUBLINGS = 6


@dataclass(frozen=True)
class TargetState:
    """What has been sent to a target; ``messages`` counts the messages.

    Failed runs up to the event ``runs_before`` are settled, and the later ones in ``runs_sent``.
    ``tries`` counts attempts since the last message that was sent; nothing is sent before
    ``not_before``, in seconds since 1970.
    """

    runs_before: int = 0
    runs_sent: list[int] = field(default_factory=list)
    levels: dict[str, PackedLevels] = field(default_factory=dict)
    machines: list[str] = field(default_factory=list)
    is_late: bool = False
    messages: int = 0
    tries: int = 0
    not_before: float = 0.0

    def alerts(
        self, now: Situation, checks: Sequence[WatchedCheck], recovered: bool
    ) -> list[Alert]:
        """The alerts to send to this target."""
        return [
            *check_alerts(unpack_levels(self.levels), now.levels, checks, recovered),
            *machine_alerts(self.machines, now.machines),
            *late_alerts(self.is_late, now, recovered),
            *run_alerts(now.runs),
        ]

    def seen(self, now: Situation) -> "TargetState":
        """The state after the alerts of ``now`` were sent or needed no message.

        If a check improves without passing and then returns to the level that was sent, it does not
        count as worse. Failed runs are settled by ``settle``.
        """
        sent = unpack_levels(self.levels)
        worst = {place: max(level, sent.get(place, 0)) for place, level in now.levels.items()}
        return replace(
            self,
            levels=pack_levels(worst),
            machines=[each.key for each in now.machines],
            is_late=bool(now.late_hours),
        )

    def settle(self, events: Iterable[int], settled_before: int) -> "TargetState":
        """The state after these failed runs were sent or needed no message.

        All failures before the event ``settled_before`` are known; no further one can appear.
        """
        sent = sorted({*self.runs_sent, *events})
        before = max([self.runs_before, *(each for each in sent if each < settled_before)])
        later = [each for each in sent if each > before]
        return replace(self, runs_before=before, runs_sent=later)

    def after_success(self, now: float, pause: float) -> "TargetState":
        """The state after a message was sent; the next is sent after at least ``pause`` seconds."""
        return replace(self, messages=self.messages + 1, tries=0, not_before=now + pause)

    def after_failure(self, now: float) -> "TargetState":
        """The state after a message was not sent; it is retried with increasing pauses."""
        doubled = _FIRST_WAIT_SECONDS * 2 ** min(self.tries, _MOST_DOUBLINGS)
        wait = min(doubled, _LONGEST_WAIT_SECONDS)
        return replace(self, tries=self.tries + 1, not_before=now + wait)


@dataclass(frozen=True)
class AlertState:
    """The sensor's cursor.

    ``levels`` include checks up to the event ``read``. ``mark`` was the newest event at
    ``marked_at``: events are numbered before they become visible, so one with a lower number may
    appear later. ``since`` is the sensor's first evaluation. Times are seconds since 1970.
    """

    WHAT: ClassVar[str] = "cursor of the sensor alerts"
    FORMAT_VERSION: ClassVar[int] = 1

    since: float
    read: int = 0
    mark: int = 0
    marked_at: float = 0.0
    levels: dict[str, PackedLevels] = field(default_factory=dict)
    targets: dict[str, TargetState] = field(default_factory=dict)

    def moved(self, newest: int, now: float, settled_seconds: float) -> "AlertState":
        """The state after all events up to ``newest`` were read at the time ``now``."""
        if now - self.marked_at < settled_seconds:
            return self
        return replace(self, read=self.mark, mark=max(self.mark, newest), marked_at=now)

    def with_targets(self, targets: Mapping[str, TargetState]) -> "AlertState":
        """The state with only these targets."""
        return replace(self, targets=dict(targets))
