"""Layers point one way, and nothing happens at import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dagster as dg
import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("checkout_assets", "spark_jobs")
LAYERS = ["domain", "engines", "resources", "assets", "automation", "definitions", "cli"]
"""Lowest first; a module may import its own layer and those before it."""
PEERS = {
    "sample": "engines",
    "packaging": "engines",
    "settings": "engines",
    "storage": "automation",
    "demo": "definitions",
}
"""Packages that stand at the height of a layer."""
SHARED = (
    "spark_jobs.completed",
    "spark_jobs.contract",
    "spark_jobs.json_spans",
    "spark_jobs.refusals",
    "spark_jobs.service_codes",
    "spark_jobs.store_errors",
    "spark_jobs.stores",
    "spark_jobs.transport",
)
"""What the platform may import of the Spark side; the jobs themselves only their engines."""
PURE = (
    "checkout_assets.domain",
    "spark_jobs.contract.",
    "spark_jobs.json_spans",
    "spark_jobs.service_codes",
)
"""What the domain may import beside the standard library."""
WITH_JOBS = (
    "checkout_assets.engines.cataloging",
    "checkout_assets.engines.structuring",
    "checkout_assets.engines.compacting",
    "checkout_assets.engines.querying",
)
"""The engines of Spark jobs, and what reads the tables that those write."""
WITH_STORES = "spark_jobs.contract.manifest_parts"
"""The one part of the contract that reads; all others are words and values."""
ENVIRONMENT_READERS = {
    "checkout_assets/settings.py",
    "checkout_assets/sample/s3_server.py",  # hands its child process an environment
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


Import = ast.Import | ast.ImportFrom


@cache
def import_nodes(path: Path) -> list[Import]:
    """Wherever they stand; each file is parsed once for all rules."""
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Import)]


def imports_of(path: Path) -> Iterator[str]:
    for node in import_nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield f"{node.module}"


def layer_of(dotted: str) -> int | None:
    parts = dotted.split(".")
    if parts[0] != "checkout_assets" or len(parts) == 1 or parts[1] == "__init__":
        return None
    return LAYERS.index(PEERS.get(parts[1], parts[1]))


def dotted_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", modules("checkout_assets"), ids=dotted_name)
def test_a_module_imports_only_its_own_layer_and_lower_ones(path: Path) -> None:
    own = layer_of(dotted_name(path))
    for imported in imports_of(path):
        other = layer_of(imported)
        if own is not None and other is not None:
            assert other <= own, f"{dotted_name(path)} imports {imported} of a higher layer"


@pytest.mark.parametrize("path", modules("checkout_assets/domain"), ids=dotted_name)
def test_the_domain_is_pure_standard_library(path: Path) -> None:
    for imported in imports_of(path):
        top = imported.split(".")[0]
        allowed = top in sys.stdlib_module_names or imported.startswith(PURE)
        assert allowed, f"{dotted_name(path)} imports {imported}"
        assert imported != WITH_STORES


@pytest.mark.parametrize("path", modules("spark_jobs/contract"), ids=dotted_name)
def test_the_contract_is_pure_standard_library_but_for_its_reader(path: Path) -> None:
    for imported in imports_of(path):
        own = imported.startswith("spark_jobs.contract") or dotted_name(path) == WITH_STORES
        assert own or imported.split(".")[0] in sys.stdlib_module_names, imported


@pytest.mark.parametrize(
    "path",
    [*modules("checkout_assets/engines"), *modules("checkout_assets/packaging")],
    ids=dotted_name,
)
def test_engines_know_no_dagster(path: Path) -> None:
    assert not [name for name in imports_of(path) if name.split(".")[0].startswith("dagster")]


@pytest.mark.parametrize("path", modules("spark_jobs"), ids=dotted_name)
def test_spark_jobs_run_without_the_platform(path: Path) -> None:
    for imported in imports_of(path):
        assert imported.split(".")[0] not in {"checkout_assets", "dagster"}, imported


@pytest.mark.parametrize("path", modules("checkout_assets"), ids=dotted_name)
def test_the_platform_knows_only_the_contract_and_the_stores_of_spark_jobs(path: Path) -> None:
    structuring = dotted_name(path).startswith(WITH_JOBS)
    schema = dotted_name(path).endswith("assets.structured_orders")  # shows the column schema
    for imported in imports_of(path):
        if imported.split(".")[0] == "spark_jobs" and not structuring and not schema:
            assert imported.startswith(SHARED), f"{dotted_name(path)} imports {imported}"


def test_those_that_read_the_environment_exist() -> None:
    assert {path for path in ENVIRONMENT_READERS if "environ" in (ROOT / path).read_text()} == (
        ENVIRONMENT_READERS
    )


@pytest.mark.parametrize("path", modules("checkout_assets"), ids=dotted_name)
def test_one_module_reads_the_environment(path: Path) -> None:
    if str(path.relative_to(ROOT)) in ENVIRONMENT_READERS:
        return
    text = path.read_text()
    assert "getenv" not in text
    assert "environ.get" not in text
    assert "environ[" not in text


def test_importing_the_definitions_starts_nothing_and_loads_no_engine() -> None:
    """No client, no credential, no network: the heavy libraries are not even imported."""
    script = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise AssertionError('network at import')\n"
        "socket.socket.connect = refuse\n"
        "import checkout_assets.definitions\n"
        "loaded = {'pyarrow', 'spark_jobs.job.run', 'checkout_assets.engines.copying.engine'}\n"
        "assert not loaded & set(sys.modules), loaded & set(sys.modules)\n"
        "from pyspark import SparkContext\n"
        "assert SparkContext._active_spark_context is None\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


DAGSTER_INTERNALS = {
    "checkout_assets/assets/dagster_internals.py",
    "checkout_assets/automation/run_launcher.py",
    "checkout_assets/demo/dagster_internals.py",
    "checkout_assets/storage/dagster_internals.py",
}
"""The assets', the run launcher's (all of its interface is private), the demo's, the storages'.

Each says why it needs what Dagster does not export.
"""


def is_private_to_dagster(imported: str) -> bool:
    top, *below = imported.split(".")
    return top.startswith("dagster") and any(name.startswith("_") for name in below)


@pytest.mark.parametrize("path", modules("checkout_assets"), ids=dotted_name)
def test_private_modules_of_dagster_are_imported_where_that_is_said(path: Path) -> None:
    private = [name for name in imports_of(path) if is_private_to_dagster(name)]
    assert bool(private) == (str(path.relative_to(ROOT)) in DAGSTER_INTERNALS), private


def names_from_inside_dagster(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and is_private_to_dagster(f"{node.module}"):
            yield from (alias.name for alias in node.names)


def test_no_name_that_dagster_exports_is_taken_from_inside_it() -> None:
    paths = [*modules("checkout_assets"), *modules("checkout_assets_tests")]
    taken = {(str(path), name) for path in paths for name in names_from_inside_dagster(path)}
    assert taken
    assert not {(path, name) for path, name in taken if hasattr(dg, name)}


ENGINES = "checkout_assets.engines."
HOSTS = {"ec2": {"emr"}, "emr": {"ec2"}, "worker": {"ec2", "emr"}, "fleet": {"ec2", "emr"}}
"""What an engine's package must not know: other kinds of machines than its own."""


@pytest.mark.parametrize("package", HOSTS)
def test_machines_of_one_kind_know_nothing_of_another_kind(package: str) -> None:
    for path in modules(f"checkout_assets/engines/{package}"):
        for imported in imports_of(path):
            other = imported.removeprefix(ENGINES).split(".")[0]
            assert not imported.startswith(ENGINES) or other not in HOSTS[package], path


def test_copying_from_the_command_line_knows_no_fleet() -> None:
    for path in [
        *modules("checkout_assets/engines/copying"),
        *(ROOT / "checkout_assets/cli").glob("copy*.py"),
    ]:
        for imported in imports_of(path):
            assert not imported.startswith((f"{ENGINES}ec2", f"{ENGINES}emr", f"{ENGINES}fleet"))


def module_name(path: Path) -> str:
    return dotted_name(path).removesuffix(".__init__")


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Wherever the import stands: at the top, in a function, or for the type checker only."""
    found: set[str] = set()
    for node in import_nodes(path):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        else:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update((below & known) or {f"{node.module}"})
    return (found & known) - {module_name(path)}


def cycles_of(graph: dict[str, set[str]]) -> list[list[str]]:
    """Each circle that a walk along the imports comes back to."""
    found: list[list[str]] = []
    over: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            found.append([*way[way.index(name) :], name])
        elif name not in over:
            for imported in sorted(graph[name]):
                walk(imported, [*way, name])
            over.add(name)

    for name in sorted(graph):
        walk(name, [])
    return found


def test_no_module_is_part_of_a_circle_of_imports() -> None:
    paths = {module_name(path): path for top in TOPS for path in modules(top)}
    graph = {name: imported_modules(path, set(paths)) for name, path in paths.items()}
    assert cycles_of(graph) == []


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert cycles_of(graph) == [["b", "c", "b"]]
