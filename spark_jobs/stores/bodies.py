"""How boto3 sends a body: at once, without asking first whether the server wants it."""

from __future__ import annotations

from typing import Any, MutableMapping

_EVENT = "before-call.s3"


def send_bodies_at_once(client: Any) -> Any:
    """Let a boto3 client send no ``Expect: 100-continue``; returns the client.

    botocore takes whatever it can read for the answer, over TLS 1.3 also the session's tickets,
    and then waits a minute for the rest of it if the server waits for the body, as it may
    (botocore issue 3613). What we send is small, so asking first saves nothing.
    """
    client.meta.events.register_last(_EVENT, _expect_nothing, unique_id=f"{_EVENT}-at-once")
    return client


def _expect_nothing(params: MutableMapping[str, Any], **_: object) -> None:
    params["headers"].pop("Expect", None)
