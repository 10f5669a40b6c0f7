"""Which Python make chooses, and what it says if there is none that works."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A directory that is all of PATH, with what a Makefile needs and no Python."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for tool in ("make", "sh", "grep", "awk"):
        found = shutil.which(tool)
        assert found is not None
        (directory / tool).symlink_to(found)
    return directory


def add_python(path: Path, name: str, version: str, modules: bool = True) -> None:
    """A Python that answers what the Makefile asks, and makes environments that only say so."""
    major_minor = ", ".join(version.split(".")[:2])
    answer = "0" if modules else "1"
    script = f"""#!/bin/sh
case "$*" in
  *version_info*) exec {sys.executable} -c '
import sys
sys.version_info = ({major_minor}, 0)
sys.version = "{version} (fake)"
sys.executable = "{path / name}"
exec(sys.argv[1])' "$2" ;;
  *ensurepip*) exit {answer} ;;
  "-m venv "*) echo "made by {name}" ;;
esac
"""
    (path / name).write_text(script)
    (path / name).chmod(0o755)


def make(
    path: Path, tmp_path: Path, *words: str, **variables: str
) -> "subprocess.CompletedProcess[str]":
    venv = tmp_path / "venv"
    return subprocess.run(
        [path / "make", "-f", MAKEFILE, f"VENV={venv}", *words, f"{venv}/bin/python"],
        env={"PATH": str(path), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_compiled_modules_are_kept_whatever_the_environment_says(
    path: Path, tmp_path: Path
) -> None:
    """Else each process of the tests compiles all that it imports."""
    add_python(path, "python3.13", "3.13.1")
    script = path / "python3.13"
    said = '"-m venv "*) echo "$PYTHONDONTWRITEBYTECODE" ;;'
    script.write_text(re.sub(r'"-m venv "\*.*', lambda _: said, script.read_text()))

    ended = make(path, tmp_path, "--silent", PYTHONDONTWRITEBYTECODE="1")

    assert (ended.returncode, ended.stdout) == (0, "\n"), ended.stderr


def test_the_first_of_the_known_names_that_runs_is_chosen(path: Path, tmp_path: Path) -> None:
    add_python(path, "python3.13", "3.13.1")
    add_python(path, "python3.12", "3.12.4")
    add_python(path, "python3", "3.10.13")
    stub = path / "python3.11"  # of a version manager that has no 3.11
    stub.write_text("#!/bin/sh\nexit 127\n")
    stub.chmod(0o755)
    ended = make(path, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "made by python3.12" in ended.stdout


@pytest.mark.parametrize("version", ["3.11.0", "3.12.9", "3.13.5"])
def test_a_plain_python3_that_is_new_enough_does(path: Path, tmp_path: Path, version: str) -> None:
    add_python(path, "python3", version)
    ended = make(path, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "made by python3" in ended.stdout


@pytest.mark.parametrize("version", ["3.8.18", "3.10.13", "3.14.0"])
def test_another_version_is_refused_by_its_name(path: Path, tmp_path: Path, version: str) -> None:
    add_python(path, "python3", version)
    ended = make(path, tmp_path)
    assert ended.returncode != 0
    assert said(ended) == (
        f"Python 3.11, 3.12 or 3.13 is needed and {path / 'python3'} is {version}: "
        "run make PYTHON=/path/to/python."
    )


def test_no_python_is_told_with_what_to_install(path: Path, tmp_path: Path) -> None:
    ended = make(path, tmp_path)
    assert ended.returncode != 0
    assert said(ended) == (
        "No Python was found: install Python 3.11, 3.12 or 3.13, "
        "or run make PYTHON=/path/to/python."
    )


def test_a_python_without_venv_is_told_with_the_package(path: Path, tmp_path: Path) -> None:
    add_python(path, "python3.12", "3.12.4", modules=False)
    ended = make(path, tmp_path)
    assert ended.returncode != 0
    assert said(ended) == (
        f"{path / 'python3.12'} has no venv module: install it "
        "(on Debian: apt-get install python3-venv)."
    )


def test_the_python_that_is_named_is_taken(path: Path, tmp_path: Path) -> None:
    add_python(path, "python3.11", "3.11.7")
    add_python(path, "mine", "3.12.4")
    ended = make(path, tmp_path, f"PYTHON={path / 'mine'}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "made by mine" in ended.stdout


def test_a_named_python_that_is_not_there_is_told(path: Path, tmp_path: Path) -> None:
    ended = make(path, tmp_path, "PYTHON=/nowhere/python")
    assert ended.returncode != 0
    assert said(ended) == (
        "/nowhere/python does not run: install Python 3.11, 3.12 or 3.13, "
        "or run make PYTHON=/path/to/python."
    )


def said(ended: "subprocess.CompletedProcess[str]") -> str:
    """The one line before make's own."""
    first, own = ended.stderr.splitlines()
    assert "***" in own, ended.stderr
    return first
