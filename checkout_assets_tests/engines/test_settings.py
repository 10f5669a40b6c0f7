"""Settings come from the environment, and a wrong one is told by its variable's name."""

from typing import get_origin

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.settings import Settings


def test_a_variable_is_the_field_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_RAW_URI", "s3://from-the-environment")
    monkeypatch.setenv("CHECKOUT_FOLDERS_PER_RUN", "8")
    settings = Settings()
    assert (settings.raw_uri, settings.folders_per_run) == ("s3://from-the-environment", 8)
    assert settings.vanished == "keep"


@pytest.mark.parametrize("old", ["RAW_FOLDERS_PER_RUN", "STRUCTURED_FOLDERS_PER_RUN"])
def test_a_variable_of_before_is_refused_with_its_new_name(
    monkeypatch: pytest.MonkeyPatch, old: str
) -> None:
    monkeypatch.setenv(f"CHECKOUT_{old}", "8")
    with pytest.raises(UsageError, match=f"CHECKOUT_{old} .* set CHECKOUT_FOLDERS_PER_RUN"):
        Settings()


def test_an_option_replaces_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_RAW_URI", "s3://from-the-environment")
    assert Settings(raw_uri="s3://given").raw_uri == "s3://given"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHECKOUT_AS_OF", "yesterday"),
        ("CHECKOUT_VANISHED", "perhaps"),
        ("CHECKOUT_SHOW_OBJECT_NAMES", "some"),
        ("CHECKOUT_FOLDERS_PER_RUN", "0"),
        ("CHECKOUT_FOLDERS_PER_RUN", "many"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as refused:
        Settings()
    assert str(refused.value).startswith(f"{variable} is wrong")
    assert value in str(refused.value)
    assert "\n" not in str(refused.value)


TEXTS = sorted(
    name
    for name, field in Settings.model_fields.items()
    if get_origin(field.annotation) not in {dict, list}
)


@pytest.mark.parametrize("field", TEXTS)
def test_a_blank_or_a_line_break_around_a_value_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    variable = f"CHECKOUT_{field.upper()}"
    for odd in ("1\n", " 1", "1\t", "1\u200b", "\ufeff1", "1\x1b[0m", " "):
        monkeypatch.setenv(variable, odd)
        with pytest.raises(UsageError, match=rf"^{variable} is wrong: it [^\n]*\.$"):
            Settings()


@pytest.mark.parametrize(
    "variable", ["CHECKOUT_EC2_FLEET_URI", "CHECKOUT_EMR_LOG_URI", "checkout_emr_release"]
)
def test_so_it_is_around_an_option_of_a_fleet(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "s3://bucket/prefix\n")
    with pytest.raises(UsageError, match=f"^{variable} is wrong: it holds a line break"):
        Settings()


def test_blanks_inside_and_around_json_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_ACCESS_REQUESTER", "data platform")
    monkeypatch.setenv("CHECKOUT_EC2", '\n{"owner": "us"}\n')
    monkeypatch.setenv("CHECKOUT_EC2_SUBNETS", '["subnet-1"]\n')
    settings = Settings()
    assert settings.access_requester == "data platform"
    assert settings.ec2["subnets"] == ["subnet-1"]


def test_a_variable_that_an_option_replaces_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_RAW_URI", "s3://raw\n")
    assert Settings(raw_uri="s3://given").raw_uri == "s3://given"
