"""A real PostgreSQL server for one test, from the programs on this machine."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as db

from checkout_assets_tests.real_dagster import free_port, wait_until

_USER = "dagster"
_STARTS = 5


@dataclass(frozen=True)
class PostgresServer:
    """A server that requires a password."""

    port: int
    password: str
    user: str = _USER
    database: str = "postgres"

    @property
    def url(self) -> str:
        """Where the database is."""
        secret = quote(self.password, safe="")
        return f"postgresql://{self.user}:{secret}@127.0.0.1:{self.port}/{self.database}"

    def new_database(self) -> str:
        """The URL of an empty database of its own."""
        name = f"of_{uuid.uuid4().hex}"
        own = db.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=db.NullPool)
        with own.connect() as connection:
            connection.execute(db.text(f"CREATE DATABASE {name}"))
        return replace(self, database=name).url


def programs() -> Path:
    """The directory of initdb and postgres; skips the test if there is none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    pytest.skip("needs PostgreSQL: apt-get install postgresql")


@contextmanager
def postgres_server(password: str) -> Iterator[PostgresServer]:
    """A server in a new directory, which is removed afterwards."""
    place, as_user = programs(), _unprivileged()
    root = Path(tempfile.mkdtemp(prefix="checkout-postgres-", dir="/tmp"))
    try:
        secret = root / "password"
        secret.write_text(password)
        for path in (root, secret):
            if as_user:
                shutil.chown(path, as_user["user"])
        command = [place / "initdb", "--no-sync", "-D", root / "data", "-U", _USER]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}"]
        subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL, **as_user)
        with _serving(place, root, as_user) as port:
            yield PostgresServer(port, password)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
        except KeyError:
            continue
    pytest.skip("needs a user that is not root, such as nobody")


@contextmanager
def _serving(place: Path, root: Path, as_user: dict[str, Any]) -> Iterator[int]:
    """The port of the server; another one is tried if it has been taken."""
    log = root / "log"
    starts = (_start(place, root, log, as_user) for _ in range(_STARTS))
    port, process = next((each for each in starts if each[1].poll() is None), (0, None))
    assert process is not None, log.read_text()
    try:
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _start(
    place: Path, root: Path, log: Path, as_user: dict[str, Any]
) -> "tuple[int, subprocess.Popen[bytes]]":
    """A server that is ready, or has ended, and its port."""
    port = free_port()
    command = [place / "postgres", "-D", root / "data", "-p", str(port), "-F"]
    command += ["-c", "listen_addresses=127.0.0.1", "-k", root]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=root, stdout=out, stderr=out, **as_user)
    wait_until(lambda: process.poll() is not None or b"ready to accept" in log.read_bytes())
    return port, process
