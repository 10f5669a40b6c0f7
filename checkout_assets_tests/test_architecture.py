"""docs/architecture.md is true: each place it names is there, and each call it draws is made."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkout_assets_tests.test_layers import imported_modules

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
PATHS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for top in ("checkout_assets", "spark_jobs")
    for path in (ROOT / top).rglob("*.py")
}
SCRIPT = "checkout_assets/engines/ec2/user_data.sh"
STARTS = {"command", "partition", "worker", "step"}
MOST_HOPS = 12


@dataclass(frozen=True)
class Edge:
    """An arrow of the picture; a dotted one is a call ``through`` a protocol, or of a command."""

    start: str
    end: str
    through: str


@dataclass(frozen=True)
class Picture:
    """The way of a folder: hops are ``module:function`` or ``module:Class.method``."""

    hops: dict[str, str]
    edges: list[Edge]

    def ways(self, start: str) -> Iterator[list[Edge]]:
        """Each way from a start to S3."""
        for edge in self.edges:
            if edge.start == start:
                rest = [[]] if edge.end == "s3" else self.ways(edge.end)
                yield from ([edge, *way] for way in rest)


def picture(text: str = TEXT) -> Picture:
    drawn = text.partition("## The way of a folder")[2].partition("```mermaid")[2]
    drawn = drawn.partition("```")[0]
    hops = dict(re.findall(r'^ *(\w+)\["([^"]+)"\]$', drawn, re.MULTILINE))
    arrows = re.findall(r"^ *(\w+) (?:-->|-\. (\w[\w ]*) \.->) (\w+)$", drawn, re.MULTILINE)
    return Picture(hops, [Edge(start, end, through) for start, through, end in arrows])


PICTURE = picture()


def found(module: str, name: str) -> ast.AST | None:
    """Where a module defines a function, a class, a constant or ``Class.member``."""
    node: ast.AST | None = ast.parse(PATHS[module].read_text())
    for part in name.split("."):
        node = next((each for each in getattr(node, "body", []) if part in defined(each)), None)
    return node


def defined(node: ast.AST) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def named_in(node: ast.AST) -> set[str]:
    """All names and attributes that a piece of code uses, and what it imports."""
    names: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            names.add(each.id)
        elif isinstance(each, ast.Attribute):
            names.add(each.attr)
        elif isinstance(each, ast.ImportFrom):
            names.update(alias.name for alias in each.names)
    return names


def is_protocol_with(name: str, method: str) -> bool:
    for path in PATHS.values():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
                return method in methods and "Protocol" in set().union(*map(named_in, node.bases))
    return False


def is_made(edge: Edge, hops: dict[str, str]) -> bool:
    """Whether the first hop's own source calls the second."""
    if hops[edge.start] == SCRIPT:
        return is_run_by_the_script(hops[edge.end])
    module, _, name = hops[edge.start].partition(":")
    caller = found(module, name)
    if caller is None:
        return False
    if edge.end == "s3":
        return edge.through in named_in(caller)
    target, _, called = hops[edge.end].partition(":")
    return found(target, called) is not None and (
        is_called_through(edge.through, caller, target, called)
        if edge.through
        else is_called_by_name(module, caller, target, called)
    )


def is_run_by_the_script(hop: str) -> bool:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    return "checkout-assets copy" in (ROOT / SCRIPT).read_text() and (
        scripts["checkout-assets"] == hop
    )


def is_called_through(through: str, caller: ast.AST, target: str, called: str) -> bool:
    if through.startswith("command "):
        command = through.removeprefix("command ")
        return f'.command("{command}"' in source_of(target) and "register" in named_in(caller)
    method = called.rpartition(".")[2]
    return method in named_in(caller) and is_protocol_with(through, method)


def is_called_by_name(module: str, caller: ast.AST, target: str, called: str) -> bool:
    owner, _, name = called.rpartition(".")
    known = target == module or target in imported_modules(PATHS[module], set(PATHS))
    return known and name in named_in(caller) and owner in source_of(module)


def source_of(module: str) -> str:
    return PATHS[module].read_text()


@pytest.mark.parametrize("start", sorted(STARTS))
def test_a_folder_is_at_s3_after_few_hops(start: str) -> None:
    ways = list(PICTURE.ways(start))
    assert ways
    for way in ways:
        assert len(way) - 1 <= MOST_HOPS, [PICTURE.hops.get(edge.end) for edge in way]


def test_every_hop_is_on_a_way() -> None:
    drawn = {edge for start in STARTS for way in PICTURE.ways(start) for edge in way}
    assert set(PICTURE.edges) == drawn
    assert set(PICTURE.hops) == {edge.end for edge in drawn} - {"s3"}


@pytest.mark.parametrize(
    "edge",
    [edge for edge in PICTURE.edges if edge.start not in STARTS],
    ids=lambda edge: f"{edge.start}-{edge.end}",
)
def test_each_hop_calls_the_next_one(edge: Edge) -> None:
    assert is_made(edge, PICTURE.hops), (PICTURE.hops[edge.start], PICTURE.hops.get(edge.end))


@pytest.mark.parametrize("hop", [hop for hop, name in PICTURE.hops.items() if name != SCRIPT])
def test_a_hop_with_another_name_is_seen(hop: str) -> None:
    hops = {**PICTURE.hops, hop: f"{PICTURE.hops[hop]}_renamed"}
    at_hop = [edge for edge in PICTURE.edges if hop in {edge.start, edge.end}]
    assert not any(is_made(edge, hops) for edge in at_hop if edge.start not in STARTS)


def test_a_call_that_is_not_made_is_seen() -> None:
    left_out = Edge("main", "copy_folder", "")
    assert not is_made(left_out, PICTURE.hops)


PLACES = re.findall(r"`((?:checkout_assets|spark_jobs)/[\w/]+)\.py:([\w.]+)`", TEXT)


def test_places_are_named() -> None:
    assert len(PLACES) >= 10


@pytest.mark.parametrize(("path", "name"), PLACES, ids=lambda each: each.rpartition("/")[2])
def test_each_place_that_is_named_is_there(path: str, name: str) -> None:
    assert found(path.replace("/", "."), name) is not None
