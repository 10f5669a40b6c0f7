"""Settings come from the environment, and a wrong one is told by its variable's name."""

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.settings import Settings


def test_a_variable_is_the_field_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_RAW_URI", "s3://from-the-environment")
    monkeypatch.setenv("CHECKOUT_RAW_FOLDERS_PER_RUN", "8")
    settings = Settings()
    assert (settings.raw_uri, settings.raw_folders_per_run) == ("s3://from-the-environment", 8)
    assert (settings.structured_folders_per_run, settings.vanished) == (16, "keep")


def test_an_option_replaces_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_RAW_URI", "s3://from-the-environment")
    assert Settings(raw_uri="s3://given").raw_uri == "s3://given"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHECKOUT_AS_OF", "yesterday"),
        ("CHECKOUT_VANISHED", "perhaps"),
        ("CHECKOUT_SHOW_OBJECT_NAMES", "some"),
        ("CHECKOUT_RAW_FOLDERS_PER_RUN", "0"),
        ("CHECKOUT_STRUCTURED_FOLDERS_PER_RUN", "many"),
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
