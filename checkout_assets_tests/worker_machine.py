"""A machine for user data: only its commands and a worker archive."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from checkout_assets.packaging.archives import Member, python_sources, tar_archive, zip_archive
from checkout_assets.packaging.contents import MANIFEST, Artifact, Package, Role

ROOT = Path(__file__).resolve().parents[1]
X86 = "x86_64"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NO_METADATA = "http://127.0.0.1:9"

_USED_COMMANDS = ("bash", "date", "mkdir", "sha256sum", "tail", "tar", "timeout")
"""The commands of every Linux that the script may use; others are missing here."""

_AWS = f"""#!{sys.executable}
import shutil, sys
import boto3
words = [word for word in sys.argv[1:] if word != "--only-show-errors"]
if words[:2] != ["s3", "cp"] or len(words) != 4:
    sys.exit(f"this machine knows only aws s3 cp, not {{words}}")
def place(uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {{"Bucket": bucket, "Key": key}}
source, target = words[2:]
client = boto3.client("s3")
try:
    if target == "-":
        sys.stdout.buffer.write(client.get_object(**place(source))["Body"].read())
    elif source.startswith("s3://"):
        client.download_file(place(source)["Bucket"], place(source)["Key"], target)
    else:
        client.upload_file(source, place(target)["Bucket"], place(target)["Key"])
except Exception as error:
    sys.exit(f"fatal error: {{error}}")
"""

_RUN = "import sys; from checkout_assets.cli.main import main; sys.exit(main())"
_QUICK_AWS = f"""#!{sys.executable} -IS
import os, shutil, sys, urllib.request
def url(uri):
    return os.environ["AWS_ENDPOINT_URL_S3"] + uri.removeprefix("s3:/")
source, target = [word for word in sys.argv[3:] if word != "--only-show-errors"]
if source.startswith("s3://"):
    with urllib.request.urlopen(url(source)) as answer:
        where = sys.stdout.buffer if target == "-" else open(target, "wb")
        shutil.copyfileobj(answer, where)
else:
    data = open(source, "rb").read()
    urllib.request.urlopen(urllib.request.Request(url(target), data, method="PUT"))
"""
"""``aws s3 cp`` that starts at once, for an S3 server that asks for no signature."""


def _installed_python(python: str) -> str:
    """Creates an environment with this checkout's worker without installing anything."""
    return f"""#!/bin/bash
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p "$3/bin"
  printf '#!/bin/bash\\nexit 0\\n' >"$3/bin/python"
  {{
    echo '#!/bin/bash'
    echo 'if [ "$*" = "copy --help" ]; then exit 0; fi'
    echo 'exec {python} -c "{_RUN}" "$@"'
  }} >"$3/bin/checkout-assets"
  {shutil.which("chmod")} +x "$3/bin/python" "$3/bin/checkout-assets"
fi
"""


def build_worker(directory: Path) -> Package:
    """A package whose worker is this checkout; its libraries are those of this environment."""
    directory.mkdir()
    libraries = sysconfig.get_paths()["purelib"].encode() + b"\n"
    wheels = [
        _wheel(
            "checkout_assets",
            [
                *python_sources(ROOT / "checkout_assets"),
                *python_sources(ROOT / "spark_jobs"),
                Member(
                    "checkout_assets-7.dist-info/entry_points.txt",
                    b"[console_scripts]\ncheckout-assets = checkout_assets.cli.main:main\n",
                ),
            ],
        ),
        # A line of a .pth file puts this environment's libraries behind the worker's own.
        _wheel("libraries", [Member("libraries.pth", libraries)]),
    ]
    data = tar_archive(wheels)
    digest = hashlib.sha256(data).hexdigest()
    worker = Artifact(Role.WORKER, f"worker-{digest[:12]}.tar", len(data), digest, X86, PYTHON)
    package = Package("7", (worker,))
    (directory / worker.name).write_bytes(data)
    (directory / MANIFEST).write_text(package.to_json())
    return package


def _wheel(name: str, members: Sequence[Member]) -> Member:
    info = f"{name}-7.dist-info"
    about = [
        Member(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 7\n".encode()),
        Member(
            f"{info}/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    ]
    files = [*members, *about]
    record = "".join(f"{member.path},,\n" for member in files) + f"{info}/RECORD,,\n"
    data = zip_archive([*files, Member(f"{info}/RECORD", record.encode())])
    return Member(f"{name}-7-py3-none-any.whl", data)


class WorkerMachine:
    """Runs user data as a local process, with doubles of the system's commands.

    ``aws`` really copies from and to the S3 server of the AWS variables; ``dnf`` installs this
    Python; ``shutdown`` and ``sleep`` are only noted. ``calls`` tells of all three.
    """

    def __init__(self, directory: Path, metadata_url: str = NO_METADATA) -> None:
        self.home = directory / "home"
        self.bin = directory / "bin"
        self.bin.mkdir(parents=True)
        self._calls = directory / "calls"
        self._metadata_url = metadata_url
        self._booted: list[subprocess.Popen[bytes]] = []
        for name in _USED_COMMANDS:
            found = shutil.which(name)
            assert found, f"this test needs {name}"
            (self.bin / name).symlink_to(found)
        self.command("aws", _AWS)
        self.command("shutdown", self.noted())
        self.command("sleep", self.noted())
        python = self.bin / f"python{PYTHON}"
        wrapper = f'#!/bin/sh\\nexec {sys.executable} "$@"\\n'
        installs = f"printf '{wrapper}' > {python}; {shutil.which('chmod')} +x {python}\n"
        self.command("dnf", self.noted() + installs)

    @property
    def calls(self) -> list[str]:
        """The recorded commands with their arguments."""
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def command(self, name: str, script: str) -> None:
        """Replace a command."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def have_quick_aws(self) -> None:
        """Replace ``aws`` by one that starts at once and signs nothing."""
        self.command("aws", _QUICK_AWS)

    def have_installed_worker(self, python: Sequence[str] = (sys.executable,)) -> None:
        """Have Python, and the worker where it is to be installed: nothing is unpacked."""
        self.command(f"python{PYTHON}", _installed_python(" ".join(python)))

    def start(self, user_data: str) -> "subprocess.Popen[bytes]":
        """Boot; the script leads a process group of its own."""
        script = self.bin.parent / "user-data"
        script.write_text(user_data)
        process = subprocess.Popen(
            [str(self.bin / "bash"), str(script)],
            env={
                "PATH": str(self.bin),
                "CHECKOUT_HOME": str(self.home),
                "CHECKOUT_INSTANCE_METADATA_URL": self._metadata_url,
                **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
            },
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._booted.append(process)
        return process

    def run(self, user_data: str) -> int:
        """Boot, and wait for the end."""
        return self.start(user_data).wait(120)

    def link(self, name: str, path: str) -> None:
        """Have the system's command ``name`` under another name."""
        found = shutil.which(name)
        assert found
        (self.bin / path).symlink_to(found)

    @staticmethod
    def processes(process: "subprocess.Popen[bytes]", words: str) -> list[int]:
        """Ids of the boot's processes whose command line has these words."""
        told = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,sid=,args="], capture_output=True, text=True, check=True
        ).stdout
        found = [line.split(maxsplit=2) for line in told.splitlines() if words in line]
        return [int(pid) for pid, session, _ in found if int(session) == process.pid]

    @staticmethod
    def terminate(process: "subprocess.Popen[bytes]") -> int:
        """End as AWS does: every process is asked to, and has some time."""
        os.killpg(process.pid, signal.SIGTERM)
        return process.wait(60)

    @staticmethod
    def kill(process: "subprocess.Popen[bytes]") -> None:
        """Power off without notice; does nothing if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def power_off(self) -> None:
        """Kill what was booted."""
        for process in self._booted:
            self.kill(process)

    def noted(self) -> str:
        """A script that notes its call; a command may go on after it."""
        return f'#!/bin/sh\necho "${{0##*/}} $*" >> {self._calls}\n'
