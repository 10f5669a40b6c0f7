"""No decision is made by searching sentences: those of this program are for people."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_assets.domain import told_texts

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("checkout_assets", "spark_jobs")
VARIABLES = frozenset(
    {
        "clause", "description", "detail", "explained", "message", "note", "notes", "problem",
        "problems", "reason", "said", "sentence", "summary", "told", "why", "words",
    }
)  # fmt: skip
"""Names that hold sentences in this project, whoever wrote them."""

FIELDS = VARIABLES | {"error", "msg", "strerror", "verify_message"}
"""The same, of attributes and keys: a variable ``error`` is an exception, a field a sentence."""

EXCEPTIONS = frozenset({"error", "exception", "fault", "refused"})
SEARCHING = frozenset(
    {
        "count", "endswith", "find", "index", "partition", "removeprefix", "removesuffix", "rfind",
        "rindex", "rpartition", "split", "startswith",
    }
)  # fmt: skip
MATCHING = frozenset({"findall", "finditer", "fullmatch", "match", "search"})
DISPATCH = ("checkout_assets/domain/failures.py", "checkout_assets/domain/instance_failures.py")
"""What told_texts may be asked by: the two modules that say what a failure calls for."""

ALLOWED = {
    "checkout_assets/automation/access.py:grant_outlives_need": "reports again what has changed",
    "checkout_assets/demo/backfill.py:_first_line": "cuts off a Dagster message's full stop",
    "checkout_assets/domain/faults.py:machine_fault": "CPython's words: it gives no number",
    "checkout_assets/engines/aws_explained.py:explain_tls": "urllib3's words: it gives no code",
    "checkout_assets/engines/aws_explained.py:reason_of": "cuts off a library's full stop",
    "checkout_assets/engines/aws_explained.py:_settings_in": "a library's words: which setting",
    "checkout_assets/engines/aws_setup.py:made_for_s3": "botocore's words: a bare ValueError",
    "checkout_assets/engines/quarantine.py:is_cut": "the lake's column, whose first word is a code",
    "checkout_assets/engines/structuring/orphans.py:_told": "prints a folder's name once",
    "checkout_assets/packaging/wheels.py:_explain": "pip's words: it gives no code",
    "checkout_assets/settings.py:__init__": "pydantic-settings' words: it names no field otherwise",
    "checkout_assets/settings.py:_options_in_variables": "the same words of pydantic-settings",
    "spark_jobs/conforming/exact_json.py:_first_wrong": "the json module's words",
    "spark_jobs/contract/record_format.py:_dataclass_of": "no sentence: a JSON object",
    "spark_jobs/job/giving_up.py:gave_up": "Spark's words: its exceptions have no code",
    "spark_jobs/job/giving_up.py:why_spark_gave_up": "the system's words, as Java quotes them",
    "spark_jobs/schema/types.py:_blocks": "no sentence: the schema's own notation",
    "spark_jobs/stores/s3.py:_delete_error": "no sentence: S3's answer, parsed",
    "spark_jobs/stores/s3.py:_errors": "botocore's words: a bare RuntimeError",
    "spark_jobs/structure_orders.py:_keep": "prints a folder's name once",
    "spark_jobs/transport/answers.py:without_credentials": "CPython's words: it gives no number",
}
"""Who may look into a sentence, and whose words those are: none of them are decided by here."""


def speaks(node: ast.AST) -> bool:
    """Whether the expression is made of a sentence, or of an exception's text."""
    match node:
        case ast.Name(id=name):
            return name in VARIABLES
        case ast.Attribute(attr=name):
            return name in FIELDS
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name in FIELDS
        case ast.Call(func=ast.Name(id="str" | "repr"), args=[ast.Name(id=name)]):
            return name in VARIABLES | EXCEPTIONS
        case ast.Call(func=ast.Attribute(value=value), args=args):
            return speaks(value) or any(map(speaks, args))
    return any(map(speaks, ast.iter_child_nodes(node)))


def looks_into(node: ast.AST) -> bool:
    """Whether the expression searches a sentence, or compares it with certain words."""
    match node:
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[where]):
            return speaks(where) and not isinstance(where, ast.Tuple | ast.Set | ast.List)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
            others = [each for each in (left, right) if not speaks(each)]
            return len(others) == 1 and not _is_empty(others[0])
        case ast.Call(func=ast.Attribute(value=where, attr=method), args=args):
            return speaks(where) if method in SEARCHING else _matches(method, args)
    return False


def _is_empty(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _matches(method: str, args: list[ast.expr]) -> bool:
    return method in MATCHING and any(map(speaks, args))


def looks(tree: ast.AST, within: str = "") -> Iterator[str]:
    """The function of each look into a sentence."""
    for node in ast.iter_child_nodes(tree):
        if looks_into(node):
            yield within
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from looks(node, node.name if named else within)


def found_in(path: Path) -> set[str]:
    name = path.relative_to(ROOT).as_posix()
    return {f"{name}:{function}" for function in looks(ast.parse(path.read_text()))}


MODULES = [path for top in TOPS for path in sorted((ROOT / top).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nobody_decides_by_a_sentence(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() not in DISPATCH:
        assert found_in(path) <= ALLOWED.keys(), "carry a Failure instead, or a code"


def test_every_exception_is_still_one() -> None:
    assert {each for path in MODULES for each in found_in(path)} >= ALLOWED.keys()


@pytest.mark.parametrize(
    "source",
    [
        'if "Spot" in end.reason: pass',
        'if "SlowDown" not in str(error): pass',
        'if words in row["reason"]: pass',
        'if copied.error.startswith("0A_CheckoutOrder: access"): pass',
        'if end.message == "2 of 4 folders are complete.": pass',
        'if re.search("denied", f"{code} {message}"): pass',
        'found = PATTERN.fullmatch(result.error.lower())',
        'code = result.error.partition(":")[0]',
        'if "SlowDown" in " ".join((code, said)): pass',
    ],
)  # fmt: skip
def test_what_looks_into_a_sentence_is_found(source: str) -> None:
    assert list(looks(ast.parse(source))) == [""]


@pytest.mark.parametrize(
    "source",
    [
        'if error.code == "AccessDenied": pass',
        "if copied.error: pass",
        'if copied.error == "": pass',
        'if failure.code in ("SlowDown", "503"): pass',
        'said = f"{folder}: {error.reason}."',
        "if code_of(error) == EXPIRED: pass",
    ],
)
def test_what_only_tells_a_sentence_is_not(source: str) -> None:
    assert not list(looks(ast.parse(source)))


def test_texts_are_told_apart_in_one_module_that_names_their_sources() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if "told_texts" in path.read_text() and path.name != "told_texts.py"
    }
    assert users == set(DISPATCH)
    body = ast.parse(inspect.getsource(told_texts)).body
    for node, following in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.Assign):
            said = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            assert said, f"{ast.unparse(node.targets[0])} names no source"
