"""The sensor for orphans: it ends clusters whose run is over, and no others."""

import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.automation.orphan_clusters import orphan_clusters
from checkout_assets.automation.outlived_machines import outlived_machines
from checkout_assets.domain.alerts.found import Fate
from checkout_assets.engines.emr.api import EmrApi, emr_clients
from checkout_assets.engines.emr.options import EmrOptions
from checkout_assets.engines.emr.request import launch_request
from checkout_assets.resources.emr import EmrResource
from checkout_assets.resources.stores import Stores
from checkout_assets_tests.dagster import orphans
from checkout_assets_tests.dagster.conftest import Dagster
from checkout_assets_tests.dagster.orphans import started
from checkout_assets_tests.local_emr.local_emr import REGION, LocalEmr


@pytest.fixture
def api(emr: LocalEmr) -> EmrApi:
    return emr_clients(REGION, emr.api.endpoint_url)


def launch(api: EmrApi, run_id: str, deployment: str = "orders", group: int = 1) -> str:
    options = EmrOptions(deployment=deployment, log_uri="s3://logs")
    return api.launch(launch_request(options, run_id, [], group=group))


def look(dagster: Dagster, emr: LocalEmr, deployment: str = "orders") -> str:
    engine = EmrResource(
        stores=Stores(s3=S3Resource()),
        deployment=deployment,
        region=REGION,
        endpoint_url=emr.api.endpoint_url,
    )
    return orphans.look(orphan_clusters, dagster.instance, structure_engine=engine)


@pytest.mark.parametrize("end", ["report_run_failed", "report_run_canceled"])
def test_the_cluster_of_a_run_that_is_over_is_terminated(
    dagster: Dagster, emr: LocalEmr, api: EmrApi, end: str
) -> None:
    run, other = started(dagster.instance), started(dagster.instance)
    orphan, working = launch(api, run.run_id), launch(api, other.run_id)
    assert look(dagster, emr) == "No cluster without a run."
    getattr(dagster.instance, end)(run)
    assert look(dagster, emr) == f"{orphan} (run {run.run_id}): terminated, its run is over"
    assert emr.living() == [working]
    emr.wait_until(lambda: api.describe(orphan).over)
    assert look(dagster, emr) == "No cluster without a run."


def test_a_repeated_run_keeps_its_first_runs_cluster(
    dagster: Dagster, emr: LocalEmr, api: EmrApi
) -> None:
    first = started(dagster.instance)
    cluster = launch(api, first.run_id)
    dagster.instance.report_run_failed(first)
    tags = {"dagster/root_run_id": first.run_id, "dagster/parent_run_id": first.run_id}
    again = started(
        dagster.instance, root_run_id=first.run_id, parent_run_id=first.run_id, tags=tags
    )
    look(dagster, emr)
    assert emr.living() == [cluster]
    dagster.instance.report_run_failed(again)
    look(dagster, emr)
    assert emr.living() == []


def test_clusters_of_unknown_runs_and_of_others_are_left_alone(
    dagster: Dagster, emr: LocalEmr, api: EmrApi
) -> None:
    run = started(dagster.instance)
    dagster.instance.report_run_failed(run)
    unknown = launch(api, "no-run-of-ours")
    others = launch(api, run.run_id, deployment="orders of another team")
    assert (
        look(dagster, emr) == f"{unknown} (run no-run-of-ours): left alone, its run is unknown here"
    )
    assert sorted(emr.living()) == sorted([unknown, others])


def test_all_clusters_of_a_run_that_is_over_are_terminated(
    dagster: Dagster, emr: LocalEmr, api: EmrApi
) -> None:
    run = started(dagster.instance)
    both = [launch(api, run.run_id, group=group) for group in (1, 2)]
    dagster.instance.report_run_failed(run)
    told = look(dagster, emr)
    assert all(f"{cluster} (run {run.run_id}): terminated" in told for cluster in both)
    assert emr.living() == []


def test_what_becomes_of_each_is_kept_for_alerts(
    dagster: Dagster, emr: LocalEmr, api: EmrApi
) -> None:
    run = started(dagster.instance)
    orphan, unknown = launch(api, run.run_id), launch(api, "no-run-of-ours")
    dagster.instance.report_run_failed(run)
    for _ in range(2):
        look(dagster, emr)
    kept = [(each.id, each.run_id, each.fate) for each in outlived_machines(dagster.instance)]
    assert sorted(kept) == sorted(
        [
            (orphan, run.run_id, Fate.ENDED),
            (unknown, "no-run-of-ours", Fate.UNKNOWN_RUN),
        ]
    )
