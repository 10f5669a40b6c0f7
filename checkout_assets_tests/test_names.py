"""A public class or function has a name of its own, and the product itself uses it."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = [path for top in ("checkout_assets", "spark_jobs") for path in (ROOT / top).rglob("*.py")]
BESIDE = [ROOT / "setup.py", *(ROOT / "benchmarks").rglob("*.py")]
COMMANDS = {"main", "register", "list_", "show", "grant", "revoke", "status"}
"""The start of a program, the commands of the command line, and Dagster's ops of the same work."""
OF_EACH_FLEET = {"console_link", "launch_request"}
"""What a fleet has of its own for the same purpose; no fleet knows another."""
CALLED_BY_LIBRARIES = {
    "writable": "io.RawIOBase",
    "yield_for_execution": "a Dagster resource",
    "setup_for_execution": "a Dagster resource",
    "config_type": "a Dagster run launcher",
    "from_config_value": "a Dagster run launcher",
    "check_run_worker_health": "a Dagster run launcher",
    "settings_customise_sources": "pydantic_settings.BaseSettings",
    "do_GET": "http.server",
    "log_message": "http.server",
    "store_event": "a Dagster event log",
    "get_deferred_property": "botocore.credentials.Credentials",
}
"""Methods that override a library's, by the library."""
_WORD = re.compile(r"\w+")


def is_definition(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)


def public_definitions(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        name = getattr(node, "name", "_")
        if is_definition(node) and not name.startswith("_"):
            yield name


def shared_names(paths: list[Path]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for name in public_definitions(iter(ast.parse(path.read_text()).body)):
            places[name].append(str(path.relative_to(ROOT)))
    return {name: found for name, found in places.items() if len(found) > 1}


def names_used(path: Path) -> Iterator[str]:
    """Names that code reads, and the words of texts without spaces: quoted types and names."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Constant(value=str(text)) if " " not in text:
                yield from _WORD.findall(text)


def names_in_templates() -> Iterator[str]:
    for path in (ROOT / "checkout_assets").rglob("*"):
        if path.suffix in {".j2", ".yaml"}:
            yield from _WORD.findall(path.read_text())


def test_no_two_public_classes_or_functions_share_a_name() -> None:
    shared = shared_names(PRODUCT)
    assert {k: v for k, v in shared.items() if k not in COMMANDS | OF_EACH_FLEET} == {}
    assert shared.keys() >= COMMANDS | OF_EACH_FLEET, "an exception that is no longer one"


def test_nothing_public_is_there_for_tests_only() -> None:
    used = {name for path in [*PRODUCT, *BESIDE] for name in names_used(path)}
    used.update(names_in_templates())
    unused = {
        name
        for path in PRODUCT
        for name in public_definitions(ast.walk(ast.parse(path.read_text())))
        if name not in used
    }
    assert unused == CALLED_BY_LIBRARIES.keys()
