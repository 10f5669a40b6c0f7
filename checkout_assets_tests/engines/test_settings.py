"""Settings come from the environment, and a wrong one is told by its variable's name."""

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
