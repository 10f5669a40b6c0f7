"""The embedded S3 server: it starts, answers, goes on, and is never left running."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from checkout_assets.domain.errors import UsageError
from checkout_assets.sample import s3_server
from checkout_assets.sample.s3_server import EmbeddedS3Server

HOSTILE = ["a b+c", "x//y/", "ç/\u202e", "line\nbreak", "%2F", "..", "~_.'\"<&>"]
HOLD_A_SERVER = """
import sys, time
from pathlib import Path
from checkout_assets.sample.s3_server import EmbeddedS3Server
with EmbeddedS3Server(log=Path(sys.argv[1])) as server:
    print(server.pid, server.endpoint_url, flush=True)
    time.sleep(60)
"""

FINISH_AFTER_CTRL_C = """
import sys, time
from pathlib import Path
from checkout_assets.sample.s3_server import EmbeddedS3Server
with EmbeddedS3Server(snapshot=Path(sys.argv[1]), log=Path(sys.argv[2])) as server:
    try:
        print(server.pid, flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(1)  # long enough for a server that heard it too to be gone
        where = {"LocationConstraint": "us-east-2"}
        server.client().create_bucket(Bucket="after-ctrl-c", CreateBucketConfiguration=where)
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if os.path.isdir("/proc") else True
    )


def is_gone_soon(pid: int) -> bool:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if not is_running(pid):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_the_process_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_A_SERVER, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    pid = int(holder.stdout.readline().split()[0])
    assert is_running(pid)
    holder.send_signal(number)
    holder.wait(30)
    assert is_gone_soon(pid)
    assert "Fatal" not in (tmp_path / "log").read_text()


def test_ctrl_c_reaches_us_and_not_the_server_which_still_keeps_its_objects(tmp_path: Path) -> None:
    """A terminal sends it to the whole process group, while the holder has work to finish."""
    snapshot = tmp_path / "s3.snapshot"
    holder = subprocess.Popen(
        [sys.executable, "-c", FINISH_AFTER_CTRL_C, str(snapshot), str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    os.killpg(holder.pid, signal.SIGINT)
    assert holder.wait(30) == 0
    assert is_gone_soon(pid)
    with EmbeddedS3Server(snapshot=snapshot, log=tmp_path / "log2") as server:
        names = [each["Name"] for each in server.client().list_buckets()["Buckets"]]
    assert names == ["after-ctrl-c"]


def test_it_ends_in_good_order_when_it_is_terminated_itself(tmp_path: Path) -> None:
    server = EmbeddedS3Server(snapshot=tmp_path / "s3.snapshot", log=tmp_path / "log")
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGTERM)
    assert is_gone_soon(server.pid)
    server.stop()
    assert (tmp_path / "s3.snapshot").exists()
    assert "Fatal" not in (tmp_path / "log").read_text()


def test_it_listens_on_this_machine_only(s3_server: EmbeddedS3Server) -> None:
    port = int(s3_server.endpoint_url.rpartition(":")[2])
    assert s3_server.endpoint_url == f"http://127.0.0.1:{port}"
    with socket.socket() as other:
        other.settimeout(1)
        assert other.connect_ex(("127.0.0.2", port)) != 0


def test_a_later_server_goes_on_with_exactly_the_same_objects(tmp_path: Path) -> None:
    snapshot = tmp_path / "s3.snapshot"
    seen = []
    for start in range(2):
        with EmbeddedS3Server(snapshot=snapshot, log=tmp_path / "log") as server:
            client = server.client()
            if not start:
                client.create_bucket(
                    Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
                )
                for key in HOSTILE:
                    client.put_object(
                        Bucket="kept",
                        Key=key,
                        Body=key.encode(),
                        ContentType="text/x-sample",
                        Metadata={"made-by": "a test"},
                    )
            listed = client.list_objects_v2(Bucket="kept")["Contents"]
            answers = {
                each["Key"]: client.get_object(Bucket="kept", Key=each["Key"]) for each in listed
            }
            seen.append(
                {
                    key: (
                        a["Body"].read(),
                        a["ETag"],
                        a["LastModified"],
                        a["ContentType"],
                        a["Metadata"],
                    )
                    for key, a in answers.items()
                }
            )
    assert set(seen[0]) == set(HOSTILE)
    assert seen[0] == seen[1]


def test_nobody_else_can_take_its_port_while_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    class Thief(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: Any) -> None:
            port = int(options["env"]["GATEWAY_PORT"])
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
            refused.append(port)
            super().__init__(command, **options)

    monkeypatch.setattr("checkout_assets.sample.s3_server.subprocess.Popen", Thief)
    with EmbeddedS3Server(log=tmp_path / "log") as server:
        server.client().list_buckets()
    assert len(refused) == 1


def test_a_snapshot_that_could_not_be_written_is_no_success(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "s3.snapshot"
    server = EmbeddedS3Server(snapshot=nowhere, log=tmp_path / "log")
    server.start()
    with pytest.raises(UsageError, match=r"without keeping its objects .* FileNotFoundError"):
        server.stop()


def test_it_honours_conditional_writes(s3_server: EmbeddedS3Server) -> None:
    """Publishing rests on this."""
    client = s3_server.client()
    client.create_bucket(
        Bucket="conditional", CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    first = client.put_object(Bucket="conditional", Key="k", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket="conditional", Key="k", Body=b"2", IfNoneMatch="*")
    client.put_object(Bucket="conditional", Key="k", Body=b"2", IfMatch=first["ETag"])
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket="conditional", Key="k", Body=b"3", IfMatch=first["ETag"])


def test_a_server_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.snapshot"
    broken.write_bytes(b"no snapshot")
    monkeypatch.setattr(s3_server, "START_SECONDS", 20.0)
    with pytest.raises(UsageError, match=r"did not start; its log .* ends with: .*UnpicklingError"):
        EmbeddedS3Server(snapshot=broken, log=tmp_path / "log").start()
