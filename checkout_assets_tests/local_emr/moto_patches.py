"""What moto's EMR lacks for steps to live: applied while a LocalEmr runs, then taken back.

``test_emr_local.py`` has a test for each; moto is pinned for them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import utcnow
from moto.emr.exceptions import ValidationException
from moto.emr.models import Cluster, Step
from moto.emr.responses import ElasticMapReduceResponse

ALIVE = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")

_step_init = Step.__init__
_add_steps = Cluster.add_steps


@contextmanager
def patched_moto() -> Iterator[None]:
    """moto with clusters and steps whose states its caller changes."""
    patches: list[tuple[Any, str, Any]] = [
        (ElasticMapReduceResponse, "get_region_from_url", BaseResponse.get_region_from_url),
        (ElasticMapReduceResponse, "cancel_steps", _cancel_steps),
        (Step, "__init__", _new_step),
        (Step, "status", property(_step_status)),
        (Cluster, "status", property(_cluster_status)),
        (Cluster, "run_bootstrap_actions", lambda _: None),
        (Cluster, "terminate", _terminate),
        (Cluster, "add_steps", _add_steps_as_they_wait),
    ]
    with ExitStack() as stack:
        for owner, name, value in patches:
            stack.enter_context(mock.patch.object(owner, name, value, create=True))
        yield


def cancel_step(step: Any) -> bool:
    """Cancel a step that waits, ask for it of one that runs; False if it has ended."""
    if step.state == "PENDING":
        step.state, step.end_date_time = "CANCELLED", utcnow()
        return True
    step.cancel_requested = step.state == "RUNNING"
    return bool(step.cancel_requested)


def _new_step(
    self: Any,
    state: str,  # moto's first step is born RUNNING
    name: str = "",
    hadoop_jar_step: Any = None,
    action_on_failure: str = "TERMINATE_CLUSTER",
) -> None:
    _step_init(self, "PENDING", name, hadoop_jar_step, action_on_failure)
    self.failure_details, self.cancel_requested = None, False


def _step_status(self: Any) -> dict[str, Any]:
    status = {
        "State": self.state,
        "StateChangeReason": {},
        "Timeline": {
            "CreationDateTime": self.creation_date_time,
            "StartDateTime": self.start_date_time,
            "EndDateTime": self.end_date_time,
        },
    }
    return status | ({"FailureDetails": self.failure_details} if self.failure_details else {})


def _cluster_status(self: Any) -> dict[str, Any]:
    return {
        "State": self.state,
        "StateChangeReason": getattr(self, "reason", {}),
        "ErrorDetails": getattr(self, "error_details", []),
        "Timeline": {
            "CreationDateTime": self.creation_datetime,
            "ReadyDateTime": self.ready_datetime,
            "EndDateTime": self.end_datetime,
        },
    }


def _terminate(self: Any) -> None:
    if self.state not in ALIVE:
        return
    self.reason = {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
    self.state = "TERMINATING"
    for step in self.steps:
        cancel_step(step)


def _add_steps_as_they_wait(self: Any, steps: list[dict[str, Any]]) -> list[Any]:
    state = getattr(self, "state", None)
    if state is not None and state not in ALIVE:
        raise ValidationException(
            "A job flow that is shutting down, terminated, or finished may not be modified."
        )
    added: list[Any] = _add_steps(self, steps)
    if state is not None:  # moto says RUNNING at once
        self.state = state
    return added


def _cancel_steps(self: Any) -> ActionResult:
    cluster = self.backend.describe_cluster(self._get_param("ClusterId"))
    steps = {step.id: step for step in cluster.steps}
    told = [
        {"StepId": wanted, "Status": "SUBMITTED" if cancel_step(steps[wanted]) else "FAILED"}
        for wanted in self._get_param("StepIds", [])
    ]
    return ActionResult({"CancelStepsInfoList": told})
