"""Compact a month by its plan, and say in a result what was written."""

from __future__ import annotations

import time
from typing import Callable, Tuple

from spark_jobs.compaction.parts import CompactionJob, in_parts
from spark_jobs.compaction.run import WrittenMonth, write_months
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import month_plan_key
from spark_jobs.contract.months import MonthPlan, MonthResult
from spark_jobs.contract.record_format import LaterFormatError, RecordError
from spark_jobs.job.run import HasContext
from spark_jobs.stores import Store, StoreError

_MONTH_LENGTH = len("2018-10")


class PlanError(Exception):
    """The plan of a month cannot be used; the message is a clause about it."""

    def __init__(self, told: str, failure: Failure) -> None:
        super().__init__(told)
        self.failure = failure


def compact_planned(
    session: Callable[[], HasContext], lake: Store, lake_uri: str, run_id: str, name: str
) -> MonthResult:
    """Write the month's data files; an error is returned, not raised.

    ``name`` is the month's unit, such as ``checkout-2018-10``. ``session`` is called once the plan
    is read.
    """
    started = time.monotonic()
    table, month = _table_and_month(name)
    try:
        plan = _plan_of(lake, table, month, run_id)
    except PlanError as error:
        told = f"{table}, {month}: {error}"
        return MonthResult(table, month, run_id, "", [], error=told, failure=error.failure)
    parts = list(in_parts(month, plan.files, plan.target_bytes))
    (written,) = write_months(session(), CompactionJob(lake_uri, run_id, table), [parts])
    return _result_of(written, plan, run_id, round(time.monotonic() - started, 3))


def _table_and_month(name: str) -> Tuple[str, str]:
    return name[: -_MONTH_LENGTH - 1], name[-_MONTH_LENGTH:]


def _plan_of(lake: Store, table: str, month: str, run_id: str) -> MonthPlan:
    """The plan; raises PlanError if there is none that this version can follow."""
    try:
        plan = MonthPlan.from_json(lake.get(month_plan_key(table, month, run_id)).data)
    except StoreError as error:
        raise PlanError(f"its plan could not be read: {error.reason}.", error.failure) from None
    except LaterFormatError as error:
        raise PlanError(f"{error}. {error.advice('')}", Failure("LaterFormat")) from None
    except RecordError as error:
        raise PlanError(f"{error}. Run it again.", Failure("UnreadablePlan")) from None
    if (plan.table, plan.month) != (table, month) or not plan.files:
        told = "its plan is another month's, or names no file. Run it again."
        raise PlanError(told, Failure("UnreadablePlan"))
    return plan


def _result_of(written: WrittenMonth, plan: MonthPlan, run_id: str, seconds: float) -> MonthResult:
    return MonthResult(
        plan.table,
        plan.month,
        run_id,
        plan.digest,
        [] if written.error else written.files,
        seconds,
        f"{plan.table}, {written.error}" if written.error else "",
        written.failure,
    )
