"""A public class or function has a name of its own; where two share one, they mean the same."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {"main", "register", "list_", "show", "grant", "revoke"}
"""The start of a program, the commands of the command line, and Dagster's ops of the same work."""
OF_EACH_FLEET = {"console_link", "launch_request"}
"""What a fleet has of its own for the same purpose; no fleet knows another."""


def definitions(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name


def shared_names(paths: list[Path]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for name in definitions(path):
            places[name].append(str(path.relative_to(ROOT)))
    return {name: found for name, found in places.items() if len(found) > 1}


def test_no_two_public_classes_or_functions_share_a_name() -> None:
    paths = [*(ROOT / "checkout_assets").rglob("*.py"), *(ROOT / "spark_jobs").rglob("*.py")]
    shared = shared_names(paths)
    assert {k: v for k, v in shared.items() if k not in COMMANDS | OF_EACH_FLEET} == {}
    assert shared.keys() >= COMMANDS | OF_EACH_FLEET, "an exception that is no longer one"
