"""An option is defined once: settings, command line, resources and instances say the same of it."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest
import typer
from dagster_aws.s3 import S3Resource

from checkout_assets.cli.main import build_app, run
from checkout_assets.definitions import build_resources
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.access.choices import AccessChoices, GrantChoices
from checkout_assets.engines.access.options import AccessOptions
from checkout_assets.engines.copying.choices import CopyChoices, CopySettings
from checkout_assets.engines.copying.engine import CopyOptions
from checkout_assets.engines.copying.terms import CopyTerms
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.ec2.user_data import worker_variables
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.engines.option import OnCommandLine
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.engines.planning.choices import BudgetChoices
from checkout_assets.engines.reconciling.choices import AllowanceChoices
from checkout_assets.engines.structuring.choices import StructureChoices
from checkout_assets.resources.access import AccessResource
from checkout_assets.resources.ec2 import ec2_resource
from checkout_assets.resources.emr import EmrResource, emr_resource
from checkout_assets.resources.engines import (
    LocalCopyResource,
    LocalSparkResource,
    ReconcilerResource,
)
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import Settings
from spark_jobs.contract.limits import KEPT_BYTES


def commands_of(group: Any, name: str = "") -> dict[str, Any]:
    """Each command by its whole name, those of groups too: ``access grant``."""
    if not hasattr(group, "commands"):
        return {name: group}
    below = {f"{name} {word}".strip(): each for word, each in group.commands.items()}
    return {k: v for word, each in below.items() for k, v in commands_of(each, word).items()}


COMMANDS = commands_of(typer.main.get_command(build_app()))
NOT_ON_THE_COMMAND_LINE = {"fleet_encryption", "fleet_kms_key"}
"""Of the place where instances report, which whoever copies by hand does not have."""
OTHER = {"requester_pays": "true", "as_of": "2026-01-31T00:00:00Z"}


def on_command_line(name: str) -> OnCommandLine | None:
    told = [each for each in Settings.model_fields[name].metadata if type(each) is OnCommandLine]
    return told[0] if told else None


@pytest.mark.parametrize("name", CopySettings.model_fields)
def test_an_option_of_copying_is_everywhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, field = OTHER.get(name, "s3://bucket/of-a-test"), CopySettings.model_fields[name]
    variable = f"CHECKOUT_{name.upper()}"
    resource = LocalCopyResource if name in CopyChoices.model_fields else Stores
    for model in (Settings, resource):
        same = model.model_fields[name]
        assert (same.default, same.description) == (field.default, field.description)
    assert field.description
    assert not getattr(Settings(), name)

    monkeypatch.setenv(variable, value)

    assert worker_variables(Settings()) == {variable: value}
    assert str(getattr(Settings(), name)).lower() == value.lower()


@pytest.mark.parametrize("name", sorted(set(CopySettings.model_fields) - NOT_ON_THE_COMMAND_LINE))
def test_an_option_of_copying_is_on_the_command_line(name: str) -> None:
    told = on_command_line(name)
    assert told is not None
    flag = f"--{(told.name or name).replace('_', '-')}"
    (option,) = (each for each in COMMANDS["copy"].params if flag in each.opts)
    assert option.default is None
    assert option.help == f"{told.told} [env: CHECKOUT_{name.upper()}]"
    assert option.metavar == told.metavar


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("structure", {*StructureChoices.model_fields, "raw_account", "lake_encryption"}),
        ("quarantine retry", {"vanished"}),
        ("access show", {"access_requester", "access_days"}),
        ("access grant", {"access_requester", "access_days", "source_grant_role_arn"}),
        ("access revoke", {"source_grant_role_arn"}),
    ],
)
def test_a_command_s_options_are_made_of_the_settings(command: str, names: set[str]) -> None:
    """Structuring's limit of a body has no flag: it is a setting only."""
    options = {each.opts[0]: each for each in COMMANDS[command].params if each.opts}
    for name in names - {"largest_body_bytes"}:
        told = on_command_line(name)
        assert told is not None
        option = options[f"--{(told.name or name).replace('_', '-')}"]
        assert option.default is None
        assert option.help == f"{told.told} [env: CHECKOUT_{name.upper()}]"
        assert option.metavar == told.metavar


@pytest.mark.parametrize(
    ("definition", "resource"),
    [
        (StructureChoices, LocalSparkResource),
        (StructureChoices, EmrResource),
        (AccessChoices, AccessResource),
        (GrantChoices, AccessResource),
        (AllowanceChoices, ReconcilerResource),
        (BudgetChoices, Stores),
    ],
)
def test_an_option_of_an_engine_is_a_setting_and_the_resource_s(
    definition: Any, resource: Any
) -> None:
    for name, field in definition.model_fields.items():
        assert field.description
        for model in (Settings, resource):
            same = model.model_fields[name]
            assert (same.default, same.description) == (field.default, field.description)


@pytest.mark.parametrize("engine", ["local", "emr"])
def test_the_settings_reach_the_resources(engine: str) -> None:
    given: dict[str, Any] = {
        "vanished": "drop_rows",
        "replaces_raw": "s3://bucket/earlier",
        "largest_body_bytes": KEPT_BYTES,
        "worker_role_arn": "a",
        "reconcile_role_arn": "b",
        "structure_role_arn": "c",
        "emr_service_role_arn": "d",
        "source_grant_role_arn": "e",
        "source_kms_key": "f",
        "access_requester": "orders team",
        "access_days": 14,
        "access_grace_days": 3,
        "access_auto_revoke": True,
        "quarantine_share": 0.5,
        "quarantine_least": 7,
        "rescue_share": 0.6,
        "rescue_least": 8,
    }
    holders = {
        "structure_engine": StructureChoices.model_fields,
        "access": {**AccessChoices.model_fields, **GrantChoices.model_fields},
        "reconciler": AllowanceChoices.model_fields,
    }
    assert given.keys() == {name for names in holders.values() for name in names}
    made = build_resources(Settings(**given, structure_engine=engine))
    for holder, names in holders.items():
        assert {name: getattr(made[holder], name) for name in names} == {
            name: given[name] for name in names
        }


def test_what_access_uses_is_defined() -> None:
    """On the resource, as a term of the stores, or as a place."""
    for each in fields(AccessOptions):
        if each.name not in {"source", "raw", "lake"}:
            holder = Stores if each.name in PlaceTerms.model_fields else AccessResource
            default = holder.model_fields[each.name].get_default(call_default_factory=True)
            expected = list(each.default) if isinstance(each.default, tuple) else each.default
            assert default == expected


def test_a_command_without_a_flag_leaves_out_what_none_offers() -> None:
    flags = {flag for each in COMMANDS["copy"].params for flag in each.opts}
    assert not {"--fleet-encryption", "--fleet-kms-key"} & flags


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flag_that_names_a_setting_is_made_of_its_definition(command: str) -> None:
    """The role with which a command compares is another flag: it names two settings."""
    for each in COMMANDS[command].params:
        setting = re.search(r"\[env: CHECKOUT_(\w+)\]", getattr(each, "help", None) or "")
        if setting is not None:
            name = setting[1].lower()
            told = on_command_line(name)
            assert told is not None, name
            assert each.opts == [f"--{(told.name or name).replace('_', '-')}"]
            assert (each.help, each.metavar) == (f"{told.told} {setting[0]}", told.metavar)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("storage_class", "GLACIER", 'The storage class "GLACIER" is wrong'),
        ("copy_role_arn", "me", 'The role "me" is wrong'),
        ("source_account", "12", 'The source account "12" is wrong'),
        ("raw_account", "12", 'The raw account "12" is wrong'),
        ("encryption", "kms", 'The encryption "kms" is wrong'),
        ("replaces_source", "x", 'The replaced source "x"'),
    ],
)
def test_a_wrong_value_is_refused_alike_wherever_it_comes_from(
    name: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"source_uri": "s3://source", "raw_uri": "s3://raw"}
    given = Settings(**places, **{name: value})
    with pytest.raises(UsageError) as refused:
        CopyOptions.given_by(given, given)
    sentence = str(refused.value)
    assert said in sentence

    words = ["copy", "--source", "s3://source", "--raw", "s3://raw", "00_CheckoutOrder"]
    assert run([*words, f"--{name.replace('_', '-')}", value]) == 2
    assert capsys.readouterr().err.strip() == f"Error: {sentence}"
    monkeypatch.setenv(f"CHECKOUT_{name.upper()}", value)
    assert run(words) == 2
    assert capsys.readouterr().err.strip() == f"Error: {sentence}"


def test_what_a_copy_uses_is_defined() -> None:
    assert {each.name for each in fields(CopyTerms)} <= set(CopySettings.model_fields)


def test_every_place_is_a_setting_and_a_store() -> None:
    for name, field in PlaceTerms.model_fields.items():
        for model in (Settings, Stores):
            assert model.model_fields[name].default == field.default
            assert model.model_fields[name].description == field.description


FLEETS: list[tuple[str, Any]] = [("EC2", Ec2Options), ("EMR", EmrChoices)]
OPTIONS_OF_FLEETS = [
    pytest.param(fleet, options, name, id=f"{fleet}-{name}")
    for fleet, options in FLEETS
    for name in options.model_fields
]
OTHER_VALUES: dict[str, Any] = {
    "architecture": "arm64",
    "ami": "ami-0a1b",
    "release": "emr-7.9.0",
    "cluster_id": "j-1",
    "configurations": [{"Classification": "spark"}],
}
STORES = Stores(s3=S3Resource())


def another_value(name: str, default: Any) -> Any:
    """One that the option allows and that is not its default."""
    if name in OTHER_VALUES:
        return OTHER_VALUES[name]
    if isinstance(default, bool):
        return not default
    if isinstance(default, list):
        return ["one", "two"]
    if isinstance(default, dict):
        return {"one": "two"}
    return "another" if isinstance(default, str) else default + 1


def made(fleet: str, settings: Settings) -> Any:
    if fleet == "EC2":
        return ec2_resource(STORES, {}, settings.ec2)
    return emr_resource(STORES, {}, settings.emr)


@pytest.mark.parametrize(("fleet", "options", "name"), OPTIONS_OF_FLEETS)
@pytest.mark.parametrize("alone", [True, False], ids=["variable", "json"])
def test_an_option_of_a_fleet_is_everywhere(
    fleet: str, options: Any, name: str, alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a variable of its own, in the fleet's JSON, on the resource, and at the launch."""
    field = options.model_fields[name]
    default = field.get_default(call_default_factory=True)
    resource = made(fleet, Settings())
    assert type(resource).model_fields[name].description == field.description
    assert field.description
    assert getattr(resource.options(), name) == default

    value = another_value(name, default)
    if alone:
        plain = str(value).lower() if isinstance(value, bool | int | float) else value
        text = plain if isinstance(plain, str) else json.dumps(plain)
        monkeypatch.setenv(f"CHECKOUT_{fleet}_{name.upper()}", text)
        monkeypatch.setenv(f"CHECKOUT_{fleet}", json.dumps({name: default}))
    else:
        monkeypatch.setenv(f"CHECKOUT_{fleet}", json.dumps({name: value}))

    assert getattr(made(fleet, Settings()).options(), name) == value


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("EC2_FOLDERS_PER_INSTANCE", "0", 'EC2\'s option "folders_per_instance" is wrong'),
        ("EMR_FOLDERS_PER_CLUSTER", "many", 'EMR\'s option "folders_per_cluster" is wrong'),
        ("EC2_SUBNETS", "subnet-1", "CHECKOUT_EC2_SUBNETS is wrong: it is not JSON. It is one is"),
        ("EMR_TAGS", "{", "CHECKOUT_EMR_TAGS is wrong: it is not JSON. It is more tags"),
    ],
)
def test_a_wrong_variable_of_a_fleet_is_refused_in_one_sentence(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CHECKOUT_{variable}", value)
    with pytest.raises(UsageError, match=said) as refused:
        made(variable[:3], Settings())
    assert "\n" not in str(refused.value)
