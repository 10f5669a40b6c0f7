"""An SNS topic as a target of alerts."""

from functools import cached_property
from typing import Any

from checkout_assets.domain.alerts.message import AlertMessage
from checkout_assets.domain.alerts.topics import is_fifo, topic_region
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.alerts.sending import NotSentError, digest_of
from checkout_assets.engines.aws_setup import configuring
from checkout_assets.engines.failed_requests import code_of
from checkout_assets.engines.locations import principal
from spark_jobs.refusals import meaning_of
from spark_jobs.service_codes import is_denied

_CONNECT_SECONDS, _READ_SECONDS = 3, 5
_NO_SUCH_TOPIC = "NotFound"


class SnsTopic:
    """An SNS topic, published to with this process's AWS credentials."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    @property
    def name(self) -> str:
        """The topic's ARN."""
        return self._arn

    @property
    def key(self) -> str:
        """A digest of the ARN."""
        return digest_of(self._arn)

    def send(self, message: AlertMessage) -> None:
        """Publish the message once; the sensor retries failures."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.publish(
                TopicArn=self._arn,
                Subject=message.subject,
                Message=message.body,
                MessageAttributes={"id": {"DataType": "String", "StringValue": message.id}},
                **self._once(message),
            )
        except (ClientError, BotoCoreError) as error:
            raise NotSentError(_explain(code_of(error))) from None
        except (UsageError, MigrationError) as error:
            raise NotSentError(str(error).rstrip(".")) from None

    def _once(self, message: AlertMessage) -> dict[str, str]:
        """The parameters with which a FIFO topic drops a message repeated within five minutes."""
        if not is_fifo(self._arn):
            return {}
        return {"MessageGroupId": "checkout-assets", "MessageDeduplicationId": message.id}

    @cached_property
    def _client(self) -> Any:
        from botocore.config import Config

        quickly = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            user_agent_extra="checkout-assets",
        )
        region = topic_region(self._arn)
        session = principal(region=region)
        with configuring(session):
            return session.client("sns", region_name=region, config=quickly)


def _explain(code: str) -> str:
    if is_denied(code):
        return "access is denied: allow sns:Publish on the topic, and the use of its KMS key"
    if code == _NO_SUCH_TOPIC:
        return "the topic does not exist"
    return meaning_of(displayable(code), "SNS answers {code}")
