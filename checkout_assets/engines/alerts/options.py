"""The options of alerts."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from checkout_assets.domain.alerts.topics import is_topic

MOST_TARGETS = 10
"""Topics and URLs together: one evaluation of the sensor sends to all of them."""


def _checked_topic(arn: str) -> str:
    if not is_topic(arn):
        raise ValueError("write the ARN of a topic, arn:aws:sns:<region>:<account>:<name>")
    return arn


class AlertOptions(BaseModel):
    """The targets of alerts and what is sent; without topics and URLs nothing is sent."""

    model_config = ConfigDict(frozen=True)

    topics: list[Annotated[str, AfterValidator(_checked_topic)]] = Field(
        default_factory=list, description="the ARNs of the SNS topics that get alerts"
    )
    urls: list[SecretStr] = Field(
        default_factory=list,
        description="URLs of other services that get alerts, as apprise writes them; they may hold "
        "secrets and are never shown",
    )
    ui_url: str = Field("", description="where Dagster's UI is served, for links to runs")
    recovered: bool = Field(True, description="whether a message is sent when a check passes again")
    minutes_apart: float = Field(
        10, ge=0, le=1440, description="the minimum minutes between two messages to one target"
    )
    late_hours: int = Field(
        25, ge=1, le=8760, description="the hours after which a reconciliation is overdue"
    )

    @model_validator(mode="after")
    def _are_few(self) -> "AlertOptions":
        if len(self.topics) + len(self.urls) > MOST_TARGETS:
            raise ValueError(f"name at most {MOST_TARGETS} topics and URLs together")
        return self
