"""Where a demo keeps its things."""

import socket
from pathlib import Path

from checkout_assets.demo.place import DemoPlace


def test_the_runbook_has_a_port_of_its_own_that_stays(tmp_path: Path) -> None:
    """Beside another demo, whose runbook is being served."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        first, second = DemoPlace(tmp_path / "first"), DemoPlace(tmp_path / "second")
        first.prepare()
        with socket.socket() as serving:
            serving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            serving.bind(("127.0.0.1", first.runbook_port))
            serving.listen()
            second.prepare()
    assert second.runbook_port != first.runbook_port
    assert DemoPlace(tmp_path / "second").runbook_port == second.runbook_port
    linked = second.environment()["CHECKOUT_RUNBOOK_URL"]
    assert linked == f"http://127.0.0.1:{second.runbook_port}/runbook.html"
