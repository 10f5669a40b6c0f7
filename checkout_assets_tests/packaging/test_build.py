"""What a build makes of a checkout and of the wheels that an index has."""

import ast
import hashlib
import json
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.packaging.__main__ import main
from checkout_assets.packaging.build import build_package
from checkout_assets.packaging.contents import MANIFEST, Package, Role
from checkout_assets.packaging.locks import SPARK, SPARK_LIBRARIES, WORKER

ROOT = Path(__file__).resolve().parents[2]
X86 = "x86_64"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Where a package is built."""
    return tmp_path / "dist"


def test_equal_sources_give_equal_bytes_under_equal_names(dist: Path, tmp_path: Path) -> None:
    package = build_package(ROOT, dist, required=())
    elsewhere = tmp_path / "checkout"
    elsewhere.mkdir()
    shutil.copy(ROOT / "pyproject.toml", elsewhere)
    for path in sorted((ROOT / "spark_jobs").rglob("*.py"), reverse=True):
        twin = elsewhere / path.relative_to(ROOT)
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_bytes(path.read_bytes())
        os.utime(twin, (1_000_000_000, 1_000_000_000))
        twin.chmod(0o600)

    again = build_package(elsewhere, tmp_path / "twin", required=())

    assert again == package
    for artifact in package.artifacts:
        data = (dist / artifact.name).read_bytes()
        assert (tmp_path / "twin" / artifact.name).read_bytes() == data
        digest = hashlib.sha256(data).hexdigest()
        assert (artifact.size, artifact.sha256) == (len(data), digest)
        assert digest[:12] in artifact.name
        assert package.version in artifact.name
    assert Package.read(dist) == package


def test_the_code_archive_holds_every_module_and_nothing_else(dist: Path) -> None:
    package = build_package(ROOT, dist, required=())
    with zipfile.ZipFile(dist / package.find(Role.SPARK_CODE).name) as archive:
        names = archive.namelist()
    modules = [path.relative_to(ROOT).as_posix() for path in (ROOT / "spark_jobs").rglob("*.py")]
    assert names == sorted(modules)


def test_every_library_the_job_imports_is_packaged() -> None:
    """Add a new one to SPARK_LIBRARIES, or it is missing on the cluster alone."""
    of_the_cluster, of_boto3 = {"pyspark", "py4j"}, {"botocore"}
    for path in (ROOT / "spark_jobs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for top in {name.split(".")[0] for name in names} - {"spark_jobs"}:
                known = top in sys.stdlib_module_names
                assert known or top in SPARK_LIBRARIES | of_the_cluster | of_boto3, (path, top)


BACKEND = """
import os
import zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{directory}/small-7-py3-none-any.whl", "w") as wheel:
        about = "Metadata-Version: 2.1\\nName: small\\nVersion: 7\\n"
        wheel.writestr(zipfile.ZipInfo("small-7.dist-info/METADATA"), about)
        wheel.writestr(zipfile.ZipInfo("small-7.dist-info/WHEEL"), "Wheel-Version: 1.0\\n")
        module = zipfile.ZipInfo("small.py")
        module.external_attr = os.stat("checkout_assets/backend.py").st_mode << 16
        wheel.writestr(module, "")
    return "small-7-py3-none-any.whl"
"""


class SmallCheckout:
    """A checkout with invented libraries, whose wheels lie in the only index pip is given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = root / "index"
        files = {
            "pyproject.toml": '[project]\nname = "small"\nversion = "7"\n'
            '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
            'backend-path = ["checkout_assets"]\n',
            "setup.py": "",
            "README.md": "",
            "spark_jobs/structure_orders.py": "print('structure')\n",
            "spark_jobs/compact_months.py": "print('compact')\n",
            "checkout_assets/backend.py": BACKEND,
            "index/README": "",
        }
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        self.add("boto3", "botocore/data/s3/model.json", "botocore/data/ec2/model.json")
        self.add("pydantic", "pydantic.py")
        self.add("awscrt", "awscrt-1.0.data/platlib/_native.so", "awscrt-1.0.data/scripts/x", X86)
        self.add("orjson", "orjson/_native.so", "orjson/tests/test.py", X86)
        self.add("pyarrow", "pyarrow/_native.so", "pyarrow/tests/test.py", X86)
        self.lock()

    def lock(self) -> None:
        """Lock the libraries that the package holds, as they lie in the index."""
        for lock in (SPARK["3.11"], WORKER["3.11"]):
            path = self.root / lock.path
            path.parent.mkdir(exist_ok=True)
            found = (self.index / name for name in sorted(os.listdir(self.index)))
            wheels = [each for each in found if each.name.split("-")[0] in lock.libraries]
            path.write_text(
                "".join(
                    f"{each.name.split('-')[0]}==1.0 --hash=sha256:"
                    f"{hashlib.sha256(each.read_bytes()).hexdigest()}\n"
                    for each in wheels
                )
            )

    def add(
        self, name: str, file: str, other: str = "pydantic.pyi", architecture: str = ""
    ) -> None:
        """A wheel of two files, for every platform or for one."""
        tag = f"cp311-cp311-manylinux_2_28_{architecture}" if architecture else "py3-none-any"
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        with zipfile.ZipFile(self.index / f"{name}-1.0-{tag}.whl", "w") as wheel:
            for path in (file, other):
                wheel.writestr(path, name)
            wheel.writestr(f"{name}-1.0.dist-info/METADATA", about)
            wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallCheckout:
    checkout = SmallCheckout(tmp_path / "small")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(checkout.index))
    return checkout


def test_a_platform_without_wheels_is_left_out_and_told(
    small: SmallCheckout, dist: Path, tmp_path: Path
) -> None:
    package = build_package(small.root, dist, [X86], ["arm64"])

    told = [(one.role, one.architecture) for one in package.left_out]
    assert told == [(Role.SPARK_DEPENDENCIES, "arm64"), (Role.WORKER, "arm64")]
    assert "for Python 3.11 on arm64 Linux with glibc 2.34" in package.left_out[0].reason
    with pytest.raises(UsageError, match=r"No wheel of awscrt==1.0 for Python 3.11 on arm64"):
        package.find(Role.WORKER, "arm64")
    worker = package.find(Role.WORKER, X86)
    assert sorted(worker.distributions) == [
        *("awscrt", "boto3", "orjson", "pyarrow", "pydantic", "small")
    ]
    dependencies = package.find(Role.SPARK_DEPENDENCIES, X86)
    assert dependencies.platform_tags == ("manylinux_2_28_x86_64",)
    with tarfile.open(dist / dependencies.name) as archive:
        names = [name for name in archive.getnames() if "dist-info" not in name]
    assert names == [
        "_native.so",
        "botocore/data/s3/model.json",
        *("orjson/_native.so", "orjson/tests/test.py"),
        "pyarrow/_native.so",
    ]
    (small.root / "checkout_assets" / "backend.py").chmod(0o600)
    assert build_package(small.root, tmp_path / "twin", [X86], ["arm64"]) == package


def test_spark_is_given_the_code_the_libraries_and_where_they_are_unpacked(
    small: SmallCheckout, dist: Path
) -> None:
    package = build_package(small.root, dist, [X86])
    assert package.spark_options("s3://b/p", X86) == [
        *("--py-files", f"s3://b/p/{package.find(Role.SPARK_CODE).name}"),
        *("--archives", f"s3://b/p/{package.find(Role.SPARK_DEPENDENCIES, X86).name}#deps"),
        *("--conf", "spark.pyspark.python=/usr/bin/python3.11"),
        *("--conf", "spark.executorEnv.PYTHONPATH=deps"),
        *("--conf", "spark.yarn.appMasterEnv.PYTHONPATH=deps"),
    ]


def test_a_missing_wheel_of_a_required_platform_is_one_line_and_exit_2(
    small: SmallCheckout,
    dist: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    next(small.index.glob("orjson*")).unlink()
    monkeypatch.setattr("checkout_assets.packaging.__main__._ROOT", small.root)

    assert main(["--out", str(dist)]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Error: No wheel of orjson==1.0 for Python 3.11 on x86_64 Linux")
    assert told.err.count("\n") == 1
    assert not (dist / MANIFEST).exists()


def test_a_wheel_with_other_bytes_than_the_lock_says_is_refused(
    small: SmallCheckout, dist: Path
) -> None:
    small.add("pyarrow", "pyarrow/_native.so", "pyarrow/something_else.py", X86)
    with pytest.raises(UsageError, match=r"pyarrow.* other bytes than its lock says"):
        build_package(small.root, dist, [X86])


def test_files_of_the_package_before_are_removed_and_others_stay(
    small: SmallCheckout, dist: Path
) -> None:
    before = build_package(small.root, dist, required=())
    (dist / "notes.txt").touch()
    (small.root / "spark_jobs" / "structure_orders.py").write_text("print('changed')\n")
    after = build_package(small.root, dist, required=())
    assert before.find(Role.SPARK_SCRIPT).name != after.find(Role.SPARK_SCRIPT).name
    there = {path.name for path in dist.iterdir()}
    assert there == {MANIFEST, "notes.txt", *(artifact.name for artifact in after.artifacts)}


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "holds no package"), ("{", "is not one"), (json.dumps({"version": "1"}), "is not one")],
)
def test_a_directory_without_a_package_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(UsageError, match=told):
        Package.read(tmp_path)
