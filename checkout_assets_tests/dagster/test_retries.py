"""Which failures Dagster retries by itself: transient ones, and permanent ones by no setting."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import dagster as dg
import pytest

from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets_tests.dagster.conftest import FIRST_16, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine, copied
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import StoreError

FOUR = FIRST_16[:4]
A, B = FOUR[1], FOUR[3]
AUTOMATIC = {"dagster/retry_number": "1", "dagster/is_resume_retry": "true"}
BY_HAND = {"dagster/is_resume_retry": "true"}


def failing(transient: Sequence[str] = (), permanent: Sequence[str] = ()) -> OddCopyEngine:
    """An engine whose folders fail so."""
    failures = {
        **dict.fromkeys(transient, Failure("SlowDown", transient=True)),
        **dict.fromkeys(permanent, Failure("AccessDenied")),
    }

    def result(folder: Folder, error: str) -> FolderCopied:
        return replace(copied(folder, error), failure=failures.get(folder.name))

    return OddCopyEngine.of(result=result, failing=[*transient, *permanent])


def dying(error: Exception) -> OddCopyEngine:
    return OddCopyEngine.of(dies_at=A, dies_of=error)


def is_retried(dagster: Dagster, run_id: str) -> bool:
    """Whether Dagster's daemon would launch the run again."""
    run = dagster.instance.get_run_by_id(run_id)
    assert run is not None
    return run.tags["dagster/will_retry"] == "true"


@pytest.mark.parametrize(
    ("engine", "retried"),
    [
        (failing(transient=[A, B]), True),
        (failing(transient=[A], permanent=[B]), True),
        (failing(permanent=[A, B]), False),
        (OddCopyEngine.of(failing=[A]), True),
        (dying(UsageError("Set it.")), False),
        (dying(MigrationError("Not done.")), True),
        (dying(MigrationError("Not done.", Failure("AccessDenied"))), False),
        (dying(StoreError("SlowDown", "raw", transient=True)), True),
        (dying(StoreError("AccessDenied", "raw")), False),
    ],
    ids=[
        "transient", "both", "permanent", "an engine that does not tell", "usage",
        "migration", "migration, permanent", "store, transient", "store, permanent",
    ],
)  # fmt: skip
def test_run_retries_repeat_what_is_transient_only(
    in_memory: Dagster, engine: OddCopyEngine, retried: bool
) -> None:
    result = in_memory.run("raw_orders", {"copy_engine": engine}, FOUR)
    assert is_retried(in_memory, result.run_id) is retried


def repeated(
    dagster: Dagster,
    engine: OddCopyEngine,
    first: dg.ExecuteInProcessResult,
    tags: Mapping[str, str],
) -> dg.DagsterRun:
    """A run that repeats the first one, with the tags that it inherits."""
    parent = dagster.instance.get_run_by_id(first.run_id)
    assert parent is not None
    inherited = {name: value for name, value in parent.tags.items() if "max_retries" in name}
    return dagster.repeat(first.run_id, engine, {**inherited, **tags}, FOUR)


def test_an_automatic_retry_leaves_out_what_failed_permanently(in_memory: Dagster) -> None:
    first = in_memory.run(
        "raw_orders", {"copy_engine": failing(transient=[A], permanent=[B])}, FOUR
    )
    engine = OddCopyEngine.of()
    run = repeated(in_memory, engine, first, AUTOMATIC)
    assert [asked for asked, _ in engine.engine().asked] == [[A]]
    assert in_memory.materialized("raw_orders") == set(FOUR) - {B}
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert not is_retried(in_memory, run.run_id), "only what is permanent is left"


def test_somebody_who_re_executes_a_run_tries_everything_that_failed(in_memory: Dagster) -> None:
    first = in_memory.run("raw_orders", {"copy_engine": failing(permanent=[A, B])}, FOUR)
    engine = failing(transient=[B])
    run = repeated(in_memory, engine, first, BY_HAND)
    assert [asked for asked, _ in engine.engine().asked] == [[A, B]]
    assert is_retried(in_memory, run.run_id), "what is transient now is retried again"
    assert run.tags["dagster/max_retries"] == "2"


def test_a_limit_that_somebody_set_stays(in_memory: Dagster) -> None:
    first = in_memory.run("raw_orders", {"copy_engine": failing(transient=[A])}, FOUR)
    limited = {**BY_HAND, "dagster/max_retries": "0"}
    assert not is_retried(in_memory, repeated(in_memory, failing([A]), first, limited).run_id)
