"""The parts of a canary: the sample, its comparison, its settings, and its removal."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from checkout_assets.domain.canary import LONGEST, canary_uri, new_canary_id
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import select_folders
from checkout_assets.domain.planning.prices import Price, PriceTable
from checkout_assets.domain.sizing import size_for
from checkout_assets.engines.canary.attributes import lost_attributes, not_in_raw
from checkout_assets.engines.canary.fleets import LimitedClock
from checkout_assets.engines.canary.limits import SMALLEST, canary_settings, most_dollars
from checkout_assets.engines.canary.places import CanaryPlaces
from checkout_assets.engines.clock import WallClock
from checkout_assets.engines.copying import sample as sampling
from checkout_assets.engines.copying.engine import CopyEngine
from checkout_assets.engines.copying.sample import SampleKind, choose_sample
from checkout_assets.engines.doctor.account import AwsClients, checked_identity
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.ec2.user_data import worker_variables
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.engines.locations import S3Location, parse_s3_location
from checkout_assets.engines.planning.price_table import load_prices
from checkout_assets.engines.reconciling.places import reconciler_of
from checkout_assets.settings import Settings
from checkout_assets_tests.orders_place import DEEP, FOLDER, OrdersPlace
from spark_jobs.stores import open_store

NOW = datetime(2026, 11, 28, 0, 15, tzinfo=UTC)
ID = new_canary_id(NOW, "0a1b2c3d")
(ONE,) = select_folders([FOLDER])


@pytest.fixture
def filled(place: OrdersPlace) -> OrdersPlace:
    """Two objects of each kind, a side object, and one with a name that must be escaped."""
    for name in ("a", "b", "ünsafe name"):
        place.put(f"{FOLDER}/A/id/{name}")
    place.put(f"{FOLDER}/0-side")
    for name in ("in-parts-1", "in-parts-2"):
        place.put_in_parts(f"{FOLDER}/A/id/{name}", b"{}")
    for name in ("tagged 1", "tagged-2"):
        place.put(f"{FOLDER}/A/id/{name}")
        place.client.put_object_tagging(
            Bucket=place.source.bucket,
            Key=f"{place.source.prefix}{FOLDER}/A/id/{name}",
            Tagging={"TagSet": [{"Key": "a", "Value": "b"}]},
        )
    return place


def canary_raw(place: OrdersPlace) -> S3Location:
    return parse_s3_location(canary_uri(place.raw.uri, ID), "raw")


def copy_sample(place: OrdersPlace) -> S3Location:
    raw = canary_raw(place)
    (copied,) = CopyEngine(place.source, raw).run([ONE], ID)
    assert copied.error == ""
    assert copied.record is not None
    assert copied.record.listed == len(SampleKind)
    return raw


def test_a_copy_into_a_canary_s_place_copies_one_object_of_each_kind(filled: OrdersPlace) -> None:
    raw = copy_sample(filled)
    names = [key.rpartition("/")[2] for key in filled.keys(FOLDER, raw)]
    assert names == ["a", "in-parts-1", "tagged~201"]
    assert filled.keys(FOLDER) == []


def test_the_sample_names_what_the_folder_lacks(place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/A/id/1")
    sample = choose_sample(place.source.open(), ONE)
    assert sample.lacking == [SampleKind.TAGGED, SampleKind.MULTIPART]
    assert sample.looked_at == 1


def test_large_objects_and_those_beyond_the_first_are_not_chosen(
    filled: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MOST_LOOKED_AT", 2)
    assert list(choose_sample(filled.source.open(), ONE).chosen) == [SampleKind.ORDINARY]
    monkeypatch.setattr(sampling, "LARGEST_SAMPLED", 1)
    assert choose_sample(filled.source.open(), ONE).chosen == {}


def test_a_copy_that_lost_something_is_told(filled: OrdersPlace) -> None:
    raw = copy_sample(filled)
    source = filled.source.open()
    sample = choose_sample(source, ONE)
    assert lost_attributes(source, sample, raw.open()) == []
    filled.client.delete_object_tagging(
        Bucket=raw.bucket, Key=f"{raw.prefix}{FOLDER}/A/id/tagged~201"
    )
    filled.client.put_object(Bucket=raw.bucket, Key=f"{raw.prefix}{FOLDER}/A/id/a", Body=b"{}")
    lost = lost_attributes(source, sample, raw.open())
    assert "the tags of the tagged object" in lost
    assert {"ContentType of the ordinary object", "Metadata of the ordinary object"} <= {*lost}
    filled.delete(f"{FOLDER}/A/id/in-parts-1", raw)
    assert not_in_raw(sample, raw.open()) == [SampleKind.MULTIPART]


def test_a_canary_is_not_seen_by_copying_and_reconciling(filled: OrdersPlace) -> None:
    filled.copy(FOLDER)

    def compared() -> object:
        engine = reconciler_of(filled.source, filled.raw, filled.lake, NOW, DEEP)
        (found,) = engine.run([ONE], "run")
        return replace(found), engine.unexpected()

    before, record = compared(), filled.record()
    copy_sample(filled)
    lake = open_store(f"{filled.lake.uri}/_canary/{ID}")
    lake.put(f"consumable_tables/checkout/YEAR=2018/MONTH=1/DAY=1/{FOLDER}.{ID}.1.parquet", b"x")
    lake.put(f"_published/{FOLDER}.json", b"{}")
    assert compared() == before
    assert filled.record() == record
    again = filled.copy(FOLDER, run_id="again")[FOLDER]
    assert again.facts.listed == len(filled.keys(FOLDER, filled.source))


def test_only_canaries_are_found_and_only_those_that_are_over_are_removed(
    place: OrdersPlace, tmp_path: Path
) -> None:
    young = new_canary_id(NOW + LONGEST, "0a1b2c3e")
    raw, lake, fleet = place.raw.open(), open_store(str(tmp_path)), open_store(place.source.uri)
    kept = {
        raw: [f"_canary/{young}-copy/a", "_canary/mine", "a"],
        lake: ["_canary/x/y"],
        fleet: ["runs/canary-x/y"],
    }
    for store, keys in kept.items():
        below = "runs" if store is fleet else "_canary"
        for key in (*keys, f"{below}/{ID}/a", f"{below}/{young}/a"):
            store.put(key, b"")
    places = CanaryPlaces(raw, lake, fleet)
    assert places.found() == {ID, young}
    assert places.remove_outlived(NOW + LONGEST + timedelta(seconds=1)) == len(kept)
    assert places.found() == {young}
    assert places.remove(young) == len(kept)
    assert {store: [e.key for e in store.list("")] for store in kept} == kept


def settings(**changes: object) -> Settings:
    given: dict[str, object] = {
        "source_uri": "s3://orders",
        "raw_uri": "s3://raw/copies",
        "lake_uri": "s3://lake",
        "copy_engine": "ec2",
        "structure_engine": "emr",
        "as_of": "2026-01-01T00:00:00Z",
        "budget_dollars": 1,
        "ec2": {"instance_types": ["m5.4xlarge"], "spot": True, "fleet_uri": "s3://fleet"},
        "emr": {"core_nodes": 9, "cluster_id": "j-1", "poll_seconds": 20},
    }
    return Settings(**{**given, **changes})


def test_a_canary_s_settings_have_its_own_places_and_the_smallest_machines() -> None:
    own = canary_settings(settings(), ID)
    assert own.raw_uri == f"s3://raw/copies/_canary/{ID}"
    assert own.lake_uri == f"s3://lake/_canary/{ID}"
    assert own.budget_dollars == 0
    assert "CHECKOUT_AS_OF" not in worker_variables(own)
    assert worker_variables(own)["CHECKOUT_RAW_URI"] == own.raw_uri
    ec2, emr = Ec2Options(**own.ec2), EmrChoices(**own.emr)
    assert (ec2.instance_types, ec2.spot, ec2.fleet_uri) == (["m5.large"], False, "s3://fleet")
    assert (emr.core_type, emr.cluster_id, emr.poll_seconds) == ("m5.xlarge", "", 20)
    assert (ec2.most_instances, emr.most_clusters) == (1, 1)


def test_no_setting_of_the_fleets_makes_a_canary_larger_or_longer_than_its_bound() -> None:
    large = settings(
        replaces_source="s3://before",
        ec2={
            "volume_gb": 900,
            "deadline_hours": 40,
            "silence_minutes": 200,
            "folders_per_instance": 16,
        },
        emr={
            "core_nodes": 30,
            "core_spot_nodes": 20,
            "core_fleet_types": ["m5.4xlarge", "c5.4xlarge"],
            "idle_minutes": 600,
            "cluster_mode": False,
            "spark_config": {"spark.executor.memory": "400g"},
        },
    )
    own = canary_settings(large, ID)
    assert own.replaces_source == ""
    ec2, emr = Ec2Options(**own.ec2), EmrChoices(**own.emr)
    assert (ec2.volume_gb, ec2.deadline_hours, ec2.silence_minutes) == (30, 0.5, 10)
    assert ec2.folders_per_instance == 1
    assert (emr.core_nodes, emr.core_spot_nodes, emr.core_fleet_types) == (2, 0, [])
    assert (emr.idle_minutes, emr.cluster_mode, emr.spark_config) == (10, True, {})


@pytest.mark.parametrize("architecture", sorted(SMALLEST))
def test_the_smallest_machines_fit_the_job_and_have_a_price(architecture: str) -> None:
    options = {"architecture": architecture}
    chosen = settings(ec2=options, emr=options)
    own = canary_settings(chosen, ID)
    assert size_for(EmrChoices(**own.emr).shape).executors >= 1
    assert 0.1 < most_dollars(chosen, load_prices()) < 1


def test_the_bound_of_the_cost_is_the_sum_of_the_limits() -> None:
    dollars = {
        "ec2.m5.large": 3.0,
        "ec2.m5.xlarge": 5.0,
        "emr.m5.xlarge": 7.0,
        "ebs.gp3_gb_month": 730.0,
        "s3.transfer_gb": 11.0,
        "s3.thousand_writes": 13.0,
        "s3.thousand_reads": 17.0,
    }
    prices = {name: Price(each, "", "") for name, each in dollars.items()}
    # An instance with 30 GB for 40 minutes; three nodes with 100 GB each for 45.
    instance = (3.0 + 30) * 40 / 60
    cluster = 3 * (5.0 + 7.0 + 100) * 45 / 60
    transfer = 3 * 64 / 1024 * 11.0
    requests = 2 * 13.0 + 5 * 17.0
    bound = most_dollars(settings(), PriceTable(date(2026, 11, 28), prices))
    assert bound == pytest.approx(instance + cluster + transfer + requests)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"copy_engine": "local"}, "CHECKOUT_COPY_ENGINE"),
        ({"structure_engine": "local"}, "CHECKOUT_STRUCTURE_ENGINE"),
        ({"lake_uri": ""}, "CHECKOUT_LAKE_URI"),
    ],
)
def test_settings_without_a_fleet_or_a_place_are_refused(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        canary_settings(settings(**changes), ID)


def test_a_limited_clock_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(WallClock, "sleep", lambda _, seconds: slept.append(seconds))
    LimitedClock(1).sleep(59)
    assert slept == [59]
    with pytest.raises(MigrationError, match="given up after 1 minutes"):
        LimitedClock(1).sleep(61)


def test_without_accounts_no_identity_is_requested(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AwsClients, "is_amazon", lambda _, service: service == "sts")
    assert "not requested" in checked_identity(settings())
