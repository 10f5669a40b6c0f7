"""The ARNs of SNS topics."""

import re

_TOPIC = re.compile(
    r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}(?P<fifo>\.fifo)?"
)
"""Amazon SNS API Reference, CreateTopic, ``Name``."""


def is_topic(arn: str) -> bool:
    """Whether the text is the ARN of a topic."""
    return _TOPIC.fullmatch(arn) is not None


def is_fifo(arn: str) -> bool:
    """Whether it is a FIFO topic, which drops repeated messages."""
    found = _TOPIC.fullmatch(arn)
    return found is not None and found["fifo"] is not None


def topic_region(arn: str) -> str:
    """The region of the topic."""
    found = _TOPIC.fullmatch(arn)
    assert found is not None
    return found["region"]
