"""Settings come from the environment, and a wrong one is told by its variable's name."""

from typing import get_origin

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.alerts.options import AlertOptions
from checkout_assets.resources.alerts import alert_options
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


SECRET = "slack://SECRET-token"
TOPIC = "arn:aws:sns:us-east-2:111122223333:orders"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("CHECKOUT_ALERTS", f'["{SECRET}"]', "CHECKOUT_ALERTS is wrong: (input"),
        ("CHECKOUT_ALERTS", f'"{SECRET}"', "CHECKOUT_ALERTS is wrong: (input"),
        ("CHECKOUT_ALERTS", SECRET, "CHECKOUT_ALERTS is wrong: it is not JSON."),
        ("CHECKOUT_ALERTS_URLS", SECRET, "CHECKOUT_ALERTS_URLS is wrong: it is not JSON."),
        ("CHECKOUT_ALERTS_UI_URL", f"{SECRET}\n", "CHECKOUT_ALERTS_UI_URL is wrong: it holds"),
    ],
)
def test_a_wrong_setting_of_alerts_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as refused:
        Settings()
    assert str(refused.value).startswith(told)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"urls": SECRET},
        {"urls": [{"SECRET": 1}]},
        {"urls": [f"{SECRET}\n"]},
        {"topics": [SECRET]},
        {"urls": [f"{SECRET}{number}" for number in range(11)]},
        {"urls": [SECRET], "late_hours": 0},
        {"url": [SECRET]},
    ],
)
def test_a_wrong_option_of_alerts_is_told_without_any_value(given: dict[str, object]) -> None:
    with pytest.raises(UsageError) as refused:
        alert_options(given)
    assert str(refused.value).startswith("CHECKOUT_ALERTS")
    assert "SECRET" not in str(refused.value)


def test_options_of_alerts_come_from_variables_of_their_own_and_show_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHECKOUT_ALERTS", f'{{"urls": ["{SECRET}"], "late_hours": 30}}')
    monkeypatch.setenv("CHECKOUT_ALERTS_TOPICS", f'["{TOPIC}"]')
    settings = Settings()
    options = alert_options(settings.alerts)
    assert (options.topics, options.late_hours) == ([TOPIC], 30)
    assert options.urls[0].get_secret_value() == SECRET
    assert "SECRET" not in f"{settings!r} {settings} {options!r}"
    assert alert_options({}) == AlertOptions()
