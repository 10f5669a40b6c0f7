"""Workers and steps of an earlier version finish a run of this one, by stored samples of theirs.

That version wrote neither the number of a format nor the code of a failure.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.worker.reports import worker_prefix
from checkout_assets_tests.ec2_place import FOUR, Ec2Place
from checkout_assets_tests.emr_place import SIX, EmrPlace
from checkout_assets_tests.local_ec2.local_ec2 import LocalEc2
from checkout_assets_tests.local_emr.local_emr import LocalEmr
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.contract.keys import completion_record_key, publication_record_key, result_key
from spark_jobs.stores import open_store

RECORDS = Path(__file__).resolve().parents[1] / "spark_jobs" / "earlier_records"
REPORTS = Path(__file__).parent / "earlier_reports" / "before_versions"
FIRST, SECOND, *_ = FOUR
RUNS_OF_SAMPLES = ("cli-0a1b2c3d", "cli-99")
AT = "2026-11-20T08:05:00+00:00"


def sample(name: str, folder: str, run_id: str) -> bytes:
    """The stored record, of this folder and run."""
    text = (RECORDS / f"{name}.json").read_text()
    assert "format_version" not in text
    for other in RUNS_OF_SAMPLES:
        text = text.replace(other, run_id)
    return text.replace("0A_CheckoutOrder", folder).encode()


@pytest.fixture
def ec2() -> Iterator[LocalEc2]:
    """Instances that run nothing of this version: tests write what their workers leave."""
    with LocalEc2(frozen=True).running() as local:
        yield local


def work(on_ec2: Ec2Place, worker: str, copied: Sequence[Folder], outcome: str) -> None:
    """Leave what that worker leaves of the folders that it copied, and its end."""
    place = worker_prefix("run", worker)

    def report(name: str, **told: object) -> None:
        on_ec2.fleet.put(f"{place}{name}.json", json.dumps(told).encode())

    for folder in copied:
        key = completion_record_key(folder.name)
        on_ec2.raw.put(key, sample("completion", folder.name, "run"))
        copy_id = "run-20260131T120001-4e5f6a"
        told = {"ok": True, "error": "", "copy_id": copy_id, "seconds": 3.5}
        report(f"results/{folder}", folder=folder.name, **told)
    on_ec2.fleet.put(f"{place}progress.json", (REPORTS / "progress.json").read_bytes())
    report("end", at=AT, outcome=outcome, message=f"{len(copied)} folders are complete.")


def fail_second(on_ec2: Ec2Place) -> None:
    """Leave the worker's report of the folder that it could not copy."""
    name = f"results/{SECOND}.json"
    on_ec2.fleet.put(worker_prefix("run", "w001") + name, (REPORTS / name).read_bytes())


def test_workers_of_the_version_before_finish_a_run(
    place: OrdersPlace, ec2: LocalEc2, package: Path
) -> None:
    on_ec2 = Ec2Place(ec2, place, package)
    others = [folder for folder in FOUR if folder != SECOND]

    def first(_: object) -> None:
        fail_second(on_ec2)
        work(on_ec2, "w001", others, "failed")

    ec2.prepare = [first, lambda _: work(on_ec2, "w002", [SECOND], "done")]
    told = on_ec2.run()

    assert sorted(told) == [folder.name for folder in FOUR]
    assert [each.error for each in told.values() if not each.ok] == []
    assert {each.facts.in_raw for each in told.values()} == {6}
    assert {each.seconds for each in told.values()} == {3.5}
    assert (told[FIRST.name].attempts, told[SECOND.name].attempts) == (1, 2)
    assert len(ec2.instances) == 2


def work_as_step(arguments: Sequence[str], _: Path) -> Sequence[str]:
    """Leave what that version's step leaves in the lake."""
    lake = open_store(arguments[arguments.index("--lake") + 1])
    run_id, folder = arguments[arguments.index("--run-id") + 1], arguments[-1]
    lake.put(result_key(folder, run_id), sample("result", folder, run_id))
    lake.put(publication_record_key(folder), sample("publication", folder, run_id))
    return ["true"]


def test_steps_of_the_version_before_finish_a_run(emr: LocalEmr, tmp_path: Path) -> None:
    emr.command = work_as_step
    told = EmrPlace(emr, tmp_path).run()

    assert sorted(told) == [folder.name for folder in SIX]
    assert [each.error for each in told.values() if not each.ok] == []
    totals = {(each.totals.documents, each.totals.rows, each.files) for each in told.values()}
    assert totals == {(4, 3, 1)}
    assert {(each.attempts, each.seconds) for each in told.values()} == {(1, 4.125)}
    assert len(emr.clusters) == 1
    assert emr.living() == []
