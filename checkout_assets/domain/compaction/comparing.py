"""Whether an analysts' table holds the rows that the publication records state, month by month."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.counting import counted, in_number
from checkout_assets.domain.reconciliation import State

_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class DeepRead:
    """How many data files were read completely, and how many of these hold other bytes.

    The ``unread`` ones have no recorded digest.
    """

    read: int = 0
    changed: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class MonthCompared:
    """A month's rows and files as the publication records state them, and as the table holds them.

    ``files_missing`` counts the data files that the table names and the lake does not hold so.
    ``deep`` is None unless the other data files were to be read.
    """

    month: Month
    state: MonthState
    recorded: int = 0
    held: int = 0
    files_missing: int = 0
    files_recorded: int = 0
    bytes_recorded: int = 0
    files_held: int = 0
    bytes_held: int = 0
    deep: DeepRead | None = None

    @property
    def files_changed(self) -> int:
        """The data files that hold other bytes than were written, of those that were read."""
        return self.deep.changed if self.deep else 0

    @property
    def is_wrong(self) -> bool:
        """Whether a reader of the table gets other rows than it states to hold.

        A stale month holds the rows of an earlier publication, and is only compacted again.
        """
        if self.files_missing or self.files_changed:
            return True
        stated = self.recorded if self.state is MonthState.UP_TO_DATE else 0
        return self.state is not MonthState.STALE and self.held != stated


@dataclass(frozen=True, slots=True)
class TableCompared:
    """An analysts' table compared with the publication records, by month.

    Compaction is optional, so a table that was never made is green. ``problem`` says why the table
    could not be compared.
    """

    table: str
    is_made: bool = False
    months: tuple[MonthCompared, ...] = ()
    problem: str = ""

    def in_state(self, state: MonthState) -> tuple[Month, ...]:
        """Return the months in that state."""
        return tuple(each.month for each in self.months if each.state is state)

    @property
    def wrong(self) -> tuple[MonthCompared, ...]:
        """The months whose rows are not what the table states."""
        return tuple(each for each in self.months if each.is_wrong)

    @property
    def rows(self) -> int:
        """The rows that readers of the table see, by its metadata."""
        return sum(each.held for each in self.months)

    @property
    def recorded(self) -> int:
        """The rows that the publication records state."""
        return sum(each.recorded for each in self.months)

    @property
    def months_without_rows(self) -> int:
        """The months without rows between the first month with rows and the last."""
        filled = {each.month for each in self.months if each.recorded or each.held}
        if not filled:
            return 0
        return max(filled).since_year_0 - min(filled).since_year_0 + 1 - len(filled)

    @property
    def state(self) -> State:
        """Red if rows are not as stated or nothing is known, yellow if a month is due."""
        if self.problem or self.wrong:
            return State.RED
        due = any(each.state.is_due for each in self.months)
        return State.YELLOW if self.is_made and due else State.GREEN

    @property
    def sentence(self) -> str:
        """What is known of the table, for people."""
        if self.problem:
            return f"{self.table}: the analysts' table was not compared: {self.problem}"
        if not self.is_made:
            return f"{self.table}: no analysts' table was made, which is optional."
        told = [f"{self.table}: {self._up_to_date()}"]
        told += filter(None, map(self._due, (MonthState.STALE, MonthState.MISSING)))
        told += [_told_wrong(each) for each in self.wrong[:_MOST_NAMED]]
        if len(self.wrong) > _MOST_NAMED:
            more = len(self.wrong) - _MOST_NAMED
            told.append(f"{counted(more, 'more month')} like that.")
        return " ".join([*told, *self._read_deep()])

    def _up_to_date(self) -> str:
        months = counted(len(self.in_state(MonthState.UP_TO_DATE)), "month")
        rows = counted(self.rows, "row")
        if self.rows == self.recorded:
            return f"{months} up to date; {rows}, exactly those of the publication records."
        return f"{months} up to date; {rows}, and {self.recorded:,} in the publication records."

    def _read_deep(self) -> Iterator[str]:
        deep = [each.deep for each in self.months if each.deep]
        if read := sum(each.read for each in deep):
            yield in_number(read, "# data file[|s] [was|were] read, every byte.")
        if unread := sum(each.unread for each in deep):
            files = in_number(unread, "# data file[|s] [has|have]")
            yield f"{files} no recorded digest and could only be listed."

    def _due(self, state: MonthState) -> str:
        months = self.in_state(state)
        if not months:
            return ""
        more = f" and {len(months) - _MOST_NAMED:,} more" if len(months) > _MOST_NAMED else ""
        named = ", ".join(map(str, months[:_MOST_NAMED]))
        return in_number(len(months), f"# month[|s] {state.value}: {named}{more}.")


def worst_of(tables: Sequence[TableCompared]) -> State:
    """Return the worst state of the tables."""
    states = {each.state for each in tables}
    return next((each for each in (State.RED, State.YELLOW) if each in states), State.GREEN)


def _told_wrong(month: MonthCompared) -> str:
    if month.files_missing:
        files = in_number(month.files_missing, "# data file[|s] [is|are]")
        return f"{month.month}: {files} missing or of another size."
    if month.files_changed:
        files = in_number(month.files_changed, "# data file[|s] [has|have]")
        return f"{month.month}: {files} other bytes than were written."
    stated = month.recorded if month.state is MonthState.UP_TO_DATE else 0
    return f"{month.month} holds {counted(month.held, 'row')} instead of {stated:,}."
