"""How much of a folder may be wrong, each option once: settings, commands and resources follow."""

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.domain.anomalies import DEFAULT_ALLOWANCE, QuarantineAllowance


class AllowanceChoices(BaseModel):
    """How much of a folder may be in quarantine."""

    model_config = ConfigDict(frozen=True)

    quarantine_share: float = Field(
        DEFAULT_ALLOWANCE.share,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="the share of a folder's documents that may be in quarantine: 0.05 is 5 %",
    )
    quarantine_least: int = Field(
        DEFAULT_ALLOWANCE.least,
        ge=1,
        description="fewer documents of a folder in quarantine than this are acceptable",
    )

    @property
    def allowance(self) -> QuarantineAllowance:
        """The same as one value, by which checks and reconciliation judge."""
        return QuarantineAllowance(self.quarantine_share, self.quarantine_least)
