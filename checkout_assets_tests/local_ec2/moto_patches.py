"""What moto's EC2 lacks for instances to live: applied while a LocalEc2 runs, then taken back.

``test_ec2_local.py`` has a test for each; moto is pinned for them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceState, StateReason
from moto.ec2.responses.instances import InstanceResponse

_run_instances: Any = InstanceResponse.run_instances
terminate_at_once = Instance.terminate

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48}


def set_state(instance: Any, name: str, code: str = "") -> None:
    """Change an instance's state, with the reason for its end."""
    instance._state = InstanceState(name, CODES[name])
    if code:
        instance.state_reason = StateReason(f"{code}: told by the local EC2", code)


@contextmanager
def patched_moto(boot: Callable[[Any], None], shut_down: Callable[[Any], None]) -> Iterator[None]:
    """moto that calls ``boot`` for each new instance and ``shut_down`` for each to terminate."""
    tokens: dict[str, tuple[str, ActionResult]] = {}

    def run_instances(self: Any) -> ActionResult:
        token, asked = self._get_param("ClientToken"), str(sorted(self.data.items()))
        if token in tokens:
            earlier, first = tokens[token]
            if earlier != asked:
                raise EC2ClientError("IdempotentParameterMismatch", "Another request had it")
            return first
        answer: ActionResult = _run_instances(self)
        tokens[token] = (asked, answer)
        reservation: Any = answer.result
        for instance in reservation.instances:
            boot(instance)
        return answer

    def terminate(self: Any) -> InstanceState:
        before = self._state
        if before.name in {"pending", "running"}:
            set_state(self, "shutting-down", "Client.UserInitiatedShutdown")
            shut_down(self)
        return InstanceState(before.name, before.code)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(InstanceResponse, "run_instances", run_instances))
        stack.enter_context(mock.patch.object(Instance, "terminate", terminate))
        yield
