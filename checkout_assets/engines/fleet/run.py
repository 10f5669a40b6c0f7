"""One run: its units in groups, each on a host of its own; no host is left running."""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any, Generic

from checkout_assets.domain.slices import slices
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.fleet.backend import Backend, R, Standing, U
from checkout_assets.engines.fleet.group import (
    FleetContext,
    Group,
    UnitState,
    UnitStates,
    all_failed,
    diagnose_error,
)
from checkout_assets.engines.fleet.pace import Pace
from checkout_assets.engines.fleet.turns import in_turns
from spark_jobs.stores import StoreError

_log = logging.getLogger(__name__)


class FleetRun(Generic[U, R]):
    """The units of one run id, from launch to termination."""

    def __init__(
        self,
        backend: Backend[U, R],
        units: Sequence[U],
        pace: Pace,
        clock: Clock,
        tell: Callable[[str], None] = _log.info,
    ) -> None:
        self._backend = backend
        self._left: UnitStates[U] = {unit: UnitState() for unit in units}
        self._pace = pace
        self._clock = clock
        self._context = FleetContext(backend, pace, clock, tell)

    def results(self) -> Generator[R, None, None]:
        """Yield each unit's result; closing the iterator ends the run's hosts.

        Living hosts of an earlier attempt are ended too if nothing is left to do.
        """
        yield from self._done_before()
        if self._left:
            self._backend.prepare()
            # Spread the requests of runs that start at the same time.
            self._clock.sleep(self._clock.between(0, self._pace.spread_seconds))
        with ExitStack() as ends:
            try:
                groups, refused = self._groups(ends)
            except (AwsRequestError, StoreError) as error:
                end = diagnose_error(error, self._backend.store_word)
                yield from all_failed(self._backend, list(self._left), end)
                return
            yield from refused
            yield from in_turns([group.course() for group in groups], self._clock)

    def _done_before(self) -> Iterator[R]:
        earlier = self._backend.earlier()
        latest = {unit: max(earlier.get(unit.name, 0), 1) for unit in self._left}
        for result in self._backend.proven(latest):
            del self._left[result.unit]
            yield result
        for unit, state in self._left.items():
            state.number = earlier.get(unit.name, 0) + 1

    def _groups(self, ends: ExitStack) -> tuple[list[Group[U, R]], Iterator[R]]:
        """Return a group per living host with the work it was given, then groups of the others.

        However the run ends, ``ends`` ends their hosts. A host without work on these units gets
        an empty group, which ends it at once. The second value are the units that are refused:
        no host for them can be launched.
        """
        found, left = self._backend.find(), dict(self._left)
        taken = {each.group for each in found}
        free = (number for number in count(1) if number not in taken)
        groups = [
            self._group(ends, number, {}, living=host) for number, host in _living(found, free)
        ]
        for group in groups:
            group.claim(left)
        for group in groups:
            group.fill(left)
        ending = [each.id for each in found if not each.alive]
        shares = list(slices(list(left), self._backend.units_per_host))
        living = sum(group.works for group in groups)  # they use the quota too
        hosts = living + len(shares)
        end = self._backend.refusal(hosts, self._context.tell) if shares else None
        if end is not None:
            return groups, all_failed(self._backend, list(left), end)
        for share in shares:
            units = {unit: left[unit] for unit in share}
            groups.append(self._group(ends, next(free), units, ending=ending))
        return groups, iter(())

    def _group(
        self, ends: ExitStack, number: int, units: UnitStates[U], **hosts: Any
    ) -> Group[U, R]:
        group = Group(self._context, number, units, **hosts)
        ends.callback(group.release)
        return group


def _living(found: Sequence[Standing], free: Iterator[int]) -> Iterator[tuple[int, str]]:
    """Yield each living host with a unique group number: its own if that is free, or a free one."""
    used: set[int] = set()
    for each in found:
        if each.alive:
            yield next(free) if each.group in used else each.group, each.id
            used.add(each.group)
