"""End to end on the local EC2: 64 folders by two runs at once, each on an instance of its own."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import Reason
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.reconciling.engine import Reconciler
from checkout_assets.engines.worker.reports import WorkerOutcome
from checkout_assets_tests.ec2_place import Ec2Place
from checkout_assets_tests.local_ec2.local_ec2 import LocalEc2
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.contract.order_types import OrderType

pytestmark = pytest.mark.slow

EACH = 32
DOCUMENTS = 20
"""Documents of a folder, of which one has a nested and one an awkward name; one lies beside id/."""


def fill(place: OrdersPlace, folder: Folder) -> int:
    names = [f"A/id/{number}" for number in range(DOCUMENTS)]
    names += ["A/id/7/nested", "A/id/a space+and%2Fmore", "A/side"]
    for number, name in enumerate(names):
        place.put(f"{folder}/{name}", b'{"Id": "%s-%d"}' % (folder.name.encode(), number))
    return len(names)


@pytest.fixture
def ec2(place: OrdersPlace) -> Iterator[LocalEc2]:
    """Instances that really install the packaged worker."""
    with LocalEc2(installs=True).running() as local:
        yield local


def test_two_runs_of_32_folders_copy_all_64_exactly(
    place: OrdersPlace, ec2: LocalEc2, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    halves = [[Folder(kind, number) for number in range(EACH)] for kind in OrderType]
    folders = [folder for half in halves for folder in half]
    with ThreadPoolExecutor() as pool:
        objects = dict(zip(folders, pool.map(lambda each: fill(place, each), folders), strict=True))
    fleet = Ec2Place(ec2, place, package)

    def run(half: Sequence[Folder], run_id: str) -> list[FolderCopied]:
        return list(fleet.start(half, run_id))

    begun = time.monotonic()
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(run, halves, ("run0", "run1")))
    seconds = time.monotonic() - begun
    ec2.wait_until(lambda: not ec2.living())

    assert [len({each.folder for each in half}) for half in told] == [EACH, EACH]
    assert [each.error for half in told for each in half if not each.ok] == []
    assert len(ec2.instances) == 2
    assert [{each.host for each in half} for half in told] in (
        [{ec2.instances[0].id}, {ec2.instances[1].id}],
        [{ec2.instances[1].id}, {ec2.instances[0].id}],
    )
    assert {each.folder: each.facts.in_raw for half in told for each in half} == objects
    for run_id in ("run0", "run1"):
        end = fleet.reports("w001", run_id).ended()
        assert end is not None
        assert end.outcome is WorkerOutcome.DONE
    for instance in ec2.instances:
        assert instance.told.state_reason.code.startswith("Client.")

    reconciled = list(Reconciler(place.source, place.raw, place.lake).run(folders, "compare"))
    assert len(reconciled) == len(folders)
    assert {each.folder: each.copy.facts.in_raw for each in reconciled} == objects
    # Nothing is structured yet, and awkward names are flagged; apart from that all is complete.
    causes = {cause.reason for each in reconciled for cause in each.causes}
    assert causes == {Reason.NOT_STRUCTURED, Reason.FLAGGED}
    with capsys.disabled():
        total = sum(objects.values())
        print(  # noqa: T201
            f"\n{len(folders)} folders, {total} objects, {len(ec2.instances)} instances: "
            f"{seconds:.1f} s from launch to the last result"
        )
