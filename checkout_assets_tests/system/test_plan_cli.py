"""``checkout-assets plan`` beside the requests that S3 really gets, and the budget's refusal."""

import json
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.cli.main import run
from checkout_assets.definitions import build_resources
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.planning.planning import refuse_costly_plan
from checkout_assets.engines.planning.price_table import load_prices
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import OrdersPlace

FOLDERS = ("0A_CheckoutOrder", "0B_FulfillmentOrder")
DOCUMENTS = 300
DOCUMENT = b'{"Id":"1","CreationDate":"2018-10-31T00:00:00"}'


@pytest.fixture(autouse=True)
def place(aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrdersPlace:
    """Two folders with a document and a side object each."""
    found = OrdersPlace(tmp_path)
    for folder in FOLDERS:
        found.put(f"{folder}/side")
        found.put(f"{folder}/0000/id/x", DOCUMENT)
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", found.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", found.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", f"s3://{found.raw.bucket}/lake")
    return found


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What the command prints for programs."""
    capsys.readouterr()
    assert run(["plan", "--json", *words]) == 0
    return dict(json.loads(capsys.readouterr().out))


def requests_of(document: dict[str, Any], stage: str) -> dict[str, int]:
    return next(dict(e["requests"]) for e in document["estimates"] if e["stage"] == stage)


def billed(seen: list[Request]) -> dict[str, int]:
    """By their price; what removes is free (S3 pricing: DELETE and CANCEL requests)."""
    paid = [each for each in seen if each.method != "DELETE" and not each.path.endswith("?delete")]
    writes = sum(each.method in {"PUT", "POST"} or "list-type" in each.path for each in paid)
    return {"writes": writes, "reads": len(paid) - writes}


def test_a_plan_agrees_with_the_requests_that_copying_and_structuring_send(
    proxy: FaultProxy, place: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in FOLDERS:
        for number in range(1, DOCUMENTS):
            place.put(f"{folder}/{number:04d}/id/x", DOCUMENT)
    document = planned(capsys, "--days", "1", *FOLDERS)
    assert document["objects"] == len(FOLDERS) * (DOCUMENTS + 1)
    assert document["documents"] == len(FOLDERS) * DOCUMENTS
    for stage in ("copy", "structure"):
        proxy.seen.clear()
        assert run([stage, *FOLDERS]) == 0
        foreseen, sent = requests_of(document, stage), billed(proxy.seen)
        assert sum(foreseen.values()) == pytest.approx(sum(sent.values()), rel=0.02), stage
        for kind in ("writes", "reads"):
            # Few requests of the rarer kind: one more or less is more than 2 %.
            assert foreseen[kind] == pytest.approx(sent[kind], rel=0.02, abs=2), (stage, kind)


def test_a_plan_lists_each_folder_once_and_asks_for_nothing_else(
    proxy: FaultProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.seen.clear()
    planned(capsys, *FOLDERS)
    assert {each.method for each in proxy.seen} == {"GET"}
    assert all("list-type" in each.path for each in proxy.seen)
    assert len(proxy.seen) == len(FOLDERS) + 1  # one asks whether the source answers


def test_archived_objects_are_named(
    proxy: FaultProxy, place: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    where = {"Bucket": place.source.bucket, "Body": b"{}", "StorageClass": "GLACIER"}
    place.client.put_object(Key=f"{place.source.prefix}{FOLDERS[0]}/z/id/x", **where)
    assert proxy.endpoint_url
    assert planned(capsys, *FOLDERS)["archived"] == {"GLACIER": 1}
    assert run(["plan", *FOLDERS]) == 0
    assert "Archived (GLACIER): 1 object." in capsys.readouterr().out


def test_by_hand_nothing_is_asked_of_s3(
    proxy: FaultProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.seen.clear()
    document = planned(capsys, "--objects", "400000000", "--bytes", "4400000000000")
    assert not proxy.seen
    first = document["estimates"][0]
    assert first["dollars"] == pytest.approx(2_045, abs=5)
    assert all(price["source"] for price in document["prices"].values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bytes", "7"], "--bytes needs --objects"),
        (["--objects", "7", "--prices", "no-such"], "The price table no-such cannot be read"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CHECKOUT_SOURCE_URI", raising=False)
    assert run(["plan", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


_DAY, _PRICE = "as_of = 2026-01-01\n", '\n[prices.a]\ndollars = 1\nunit = "u"\nsource = "s"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prices = 3",
        f"{_DAY}[prices]\na = 1",
        "[",
        f"a = {'[' * 100_000}",
        f"as_of = 2026-01-01T00:00:00Z{_PRICE}",
        f"as_of = 00:00:00{_PRICE}",
        f"{_DAY}{_PRICE.replace('1', '1e308')}",
        f"{_DAY}{_PRICE.replace('1', 'nan')}",
        f"{_DAY}{_PRICE.replace('1', '-1')}",
    ],
    ids=range(10),
)
def test_a_wrong_price_table_is_one_sentence(text: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match="The price table"):
        load_prices(str(file))


@pytest.fixture
def over_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration of 400 million objects that may cost 100 dollars."""
    monkeypatch.setenv("CHECKOUT_BUDGET_DOLLARS", "100")
    monkeypatch.setenv("CHECKOUT_PLANNED_OBJECTS", "400000000")


@pytest.mark.parametrize("command", ["copy", "structure"])
@pytest.mark.usefixtures("over_budget")
def test_a_command_over_budget_sends_no_request(
    command: str, proxy: FaultProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.seen.clear()
    assert run([command, *FOLDERS]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "400,000,000 objects cost 2,1" in line
    assert "CHECKOUT_BUDGET_DOLLARS is 100.00" in line
    assert not proxy.seen


EMR = {"package_uri": "s3://bucket/job", "log_uri": "s3://bucket/logs", "region": "us-east-2"}
EC2 = {
    "package_uri": "s3://bucket/worker",
    "fleet_uri": "s3://bucket/fleet",
    "security_group": "sg-1",
    "instance_profile": "copy-worker",
    "subnets": ["subnet-a"],
    "region": "us-east-2",
}


@pytest.mark.parametrize(
    ("engine", "chosen"),
    [
        ("copy_engine", {}),
        ("copy_engine", {"copy_engine": "ec2", "ec2": EC2}),
        ("structure_engine", {}),
        ("structure_engine", {"structure_engine": "emr", "emr": EMR}),
    ],
    ids=["copying here", "ec2", "structuring here", "emr"],
)
@pytest.mark.usefixtures("over_budget")
def test_an_engine_over_budget_sends_no_request(
    engine: str, chosen: dict[str, Any], proxy: FaultProxy
) -> None:
    proxy.seen.clear()
    with pytest.raises(UsageError, match="CHECKOUT_BUDGET_DOLLARS is 100"):
        build_resources(Settings(**chosen))[engine].engine()
    assert not proxy.seen


def test_each_price_says_what_it_was_compared_with() -> None:
    kinds = ("(checked)", "(agreed)", "(a guess)", "(a quarter of EC2's")
    for name, price in load_prices().prices.items():
        assert any(kind in price.source for kind in kinds), name


def write_prices(file: Path, share: float) -> None:
    """Our table with that share of each price."""
    rows = [
        f'"{name}" = {{ dollars = {price.dollars * share:.9f}, unit = "u", source = "a contract" }}'
        for name, price in load_prices().prices.items()
    ]
    file.write_text("\n".join(["as_of = 2026-11-26", "[prices]", *rows]))


@pytest.fixture
def own_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table in which everything costs a hundredth, as CHECKOUT_PRICES names it."""
    file = tmp_path / "prices.toml"
    write_prices(file, 0.01)
    monkeypatch.setenv("CHECKOUT_PRICES", str(file))
    return file


@pytest.mark.usefixtures("over_budget", "own_prices")
def test_the_budget_is_compared_with_the_prices_of_the_setting(proxy: FaultProxy) -> None:
    assert proxy.endpoint_url
    refuse_costly_plan(Settings())
    build_resources(Settings())["copy_engine"].engine()
    assert run(["copy", FOLDERS[0]]) == 0


@pytest.mark.parametrize("command", ["copy", "structure"])
@pytest.mark.usefixtures("over_budget")
def test_a_price_table_that_is_missing_stops_a_command_with_a_budget(
    command: str,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CHECKOUT_PRICES", "/no-such.toml")
    proxy.seen.clear()
    assert run([command, *FOLDERS]) == 2
    assert "The price table /no-such.toml cannot be read" in capsys.readouterr().err
    assert not proxy.seen


def test_a_plan_takes_the_prices_of_the_setting_and_the_option_wins(
    own_prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--objects", "1000000", "--bytes", "0")
    assert planned(capsys, *words)["estimates"][0]["dollars"] == pytest.approx(0.05, rel=0.01)
    other = tmp_path / "other.toml"
    write_prices(other, 2)
    document = planned(capsys, *words, "--prices", str(other))
    assert document["estimates"][0]["dollars"] == pytest.approx(10, rel=0.01)
    assert own_prices.exists()


def test_a_budget_without_a_plan_says_what_to_run(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHECKOUT_BUDGET_DOLLARS", "100")
    proxy.seen.clear()
    assert run(["copy", *FOLDERS]) == 2
    assert "run checkout-assets plan" in capsys.readouterr().err
    assert not proxy.seen


def test_a_budget_that_is_enough_lets_copying_begin(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHECKOUT_BUDGET_DOLLARS", "1")
    monkeypatch.setenv("CHECKOUT_PLANNED_OBJECTS", "4")
    assert proxy.endpoint_url
    assert run(["copy", FOLDERS[0]]) == 0
