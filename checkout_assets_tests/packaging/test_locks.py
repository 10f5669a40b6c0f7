"""The locks hold what pyproject.toml asks for, and nothing that cannot be checked."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checkout_assets.packaging.locks import ALL, LOCKED, SPARK, WORKER, Lock

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<release>[^ ;]+)(?P<rest>(?:.*\\\n)*.*)", re.M
)
each_lock = pytest.mark.parametrize("lock", LOCKED, ids=lambda lock: lock.name)


def pins(lock: Lock) -> dict[str, str]:
    """The release of each library."""
    return {found["name"]: found["release"] for found in PIN.finditer(text(lock))}


def text(lock: Lock) -> str:
    return (ROOT / lock.path).read_text()


def asked(lock: Lock) -> Iterator[Requirement]:
    """The project's own requirements of a set, those of the extras within it included."""
    if lock.libraries or lock.is_whole:
        for each in map(Requirement, PROJECT["dependencies"]):
            if lock.is_whole or canonicalize_name(each.name) in lock.libraries:
                yield each
    yield from of_extra(lock.extra, lock.is_whole)


def of_extra(extra: str, with_inner: bool) -> Iterator[Requirement]:
    for each in map(Requirement, PROJECT["optional-dependencies"].get(extra, ())):
        if each.name != PROJECT["name"]:
            yield each
        elif with_inner:
            for inner in each.extras:
                yield from of_extra(inner, with_inner)


@each_lock
def test_a_lock_holds_what_is_asked_for_within_its_bounds(lock: Lock) -> None:
    locked, requirements = pins(lock), list(asked(lock))
    assert requirements
    for each in requirements:
        release = locked.get(canonicalize_name(each.name))
        assert release is not None, f"make lock: {each} is not in {lock.path}"
        assert release in each.specifier, f"make lock: {each} is {release} in {lock.path}"


@each_lock
def test_each_release_of_a_lock_can_be_checked(lock: Lock) -> None:
    found = list(PIN.finditer(text(lock)))
    assert found
    for pin in found:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin["rest"]), pin["name"]
    assert "://" not in text(lock)


@each_lock
def test_what_two_locks_hold_is_one_release(lock: Lock) -> None:
    if lock.python == "3.9":
        return  # the libraries have left it behind
    of_all = pins(ALL)
    assert {name: of_all.get(name, it) for name, it in pins(lock).items()} == pins(lock)


def test_the_packages_have_a_lock_for_each_python_of_the_cluster() -> None:
    assert set(SPARK) == {"3.9", "3.11"}
    assert set(WORKER) == {"3.11"}
    assert set(pins(SPARK["3.11"])) < set(pins(WORKER["3.11"]))
