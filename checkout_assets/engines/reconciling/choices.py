"""How much of a folder may be wrong; each option is defined once for all interfaces."""

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.domain.anomalies import DEFAULT_ALLOWANCE, Allowance, FolderAllowance


class AllowanceChoices(BaseModel):
    """How much of a folder may be in quarantine or rescued."""

    model_config = ConfigDict(frozen=True)

    quarantine_share: float = Field(
        DEFAULT_ALLOWANCE.quarantine.share,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="the share of a folder's documents that may be in quarantine: 0.05 is 5 %",
    )
    quarantine_least: int = Field(
        DEFAULT_ALLOWANCE.quarantine.least,
        ge=1,
        description="fewer documents of a folder in quarantine than this are acceptable",
    )
    rescue_share: float = Field(
        DEFAULT_ALLOWANCE.rescue.share,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="the share of a folder's rows that may have rescued values: 0.2 is 20 %",
    )
    rescue_least: int = Field(
        DEFAULT_ALLOWANCE.rescue.least,
        ge=1,
        description="fewer rows of a folder with rescued values than this are acceptable",
    )

    @property
    def allowance(self) -> FolderAllowance:
        """The options as one value, by which checks and reconciliation judge."""
        return FolderAllowance(
            quarantine=Allowance(self.quarantine_share, self.quarantine_least),
            rescue=Allowance(self.rescue_share, self.rescue_least),
        )
