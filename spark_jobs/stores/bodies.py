"""Makes boto3 send bodies at once, without ``Expect: 100-continue``."""

from __future__ import annotations

from typing import Any, MutableMapping

_EVENT = "before-call.s3"


def send_bodies_at_once(client: Any) -> Any:
    """Make a boto3 client send no ``Expect: 100-continue``; returns the client.

    botocore takes any readable bytes for the response, with TLS 1.3 also session tickets. If the
    server then waits for the body, botocore waits a minute for the rest of the response (botocore
    issue 3613). Our bodies are small, so the header would save nothing.
    """
    client.meta.events.register_last(_EVENT, _expect_nothing, unique_id=f"{_EVENT}-at-once")
    return client


def _expect_nothing(params: MutableMapping[str, Any], **_: object) -> None:
    params["headers"].pop("Expect", None)
