"""The settings of the platform; the only module that reads the environment.

AWS's own variables (credentials, region, endpoint) are read by AWS's libraries.
"""

from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from checkout_assets.domain.copying import parse_as_of
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError

ENVIRONMENT_PREFIX = "CHECKOUT_"


class Settings(BaseSettings):
    """Each field is the variable ``CHECKOUT_<FIELD>``; raises UsageError for a wrong value."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="ignore")

    source_uri: str = Field("", description="where folders are copied from: s3://bucket/prefix")
    raw_uri: str = Field("", description="where copies go: s3://bucket/prefix")
    lake_uri: str = Field("", description="where tables go: s3://bucket/prefix or a directory")
    as_of: str = Field("", description="the cut-off: an instant with its zone, or now")
    source_account: str = Field("", description="the account that must own the source's bucket")
    raw_account: str = Field("", description="the account that must own raw's bucket")
    encryption: str = Field("", description="how copies are encrypted: AES256 or aws:kms")
    kms_key: str = Field("", description="the KMS key of copies, with encryption aws:kms")
    storage_class: str = Field("", description="the storage class of copies, such as STANDARD")
    requester_pays: bool = Field(False, description="pay for reading a requester-pays source")
    copy_role_arn: str = Field("", description="the role that lists and copies on both sides")
    vanished: Literal["keep", "drop_rows"] = Field(
        "keep", description="what becomes of the rows of documents that vanished from the source"
    )
    show_object_names: bool = Field(
        False, description="show objects' names, which may be personal, instead of masking them"
    )
    raw_folders_per_run: int = Field(32, ge=1, le=512, description="folders a copying run takes")
    structured_folders_per_run: int = Field(
        16, ge=1, le=512, description="folders a structuring run takes"
    )
    spark_master: str = Field("local[*]", min_length=1, description="where local Spark runs")
    structure_engine: Literal["local", "emr"] = Field(
        "local", description="where folders are structured: local (this machine's Spark) or emr"
    )
    emr: dict[str, Any] = Field(
        default_factory=dict,
        description='the EMR engine\'s options as JSON, such as {"log_uri": "s3://bucket/logs"}',
    )
    keep_spark_session: bool = Field(
        False, description="share one Spark session among the runs of this process"
    )
    runbook_url: str = Field(
        "", description="where docs/runbook.md is served, for links from checks"
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UsageError(_explain(error)) from None
        except SettingsError:
            raise UsageError(
                f"{ENVIRONMENT_PREFIX}EMR is wrong: it is no JSON. It is "
                f"{Settings.model_fields['emr'].description}."
            ) from None

    @field_validator("as_of")
    @classmethod
    def _is_cut_off(cls, text: str) -> str:
        try:
            parse_as_of(text)
        except UsageError as error:
            raise UsageError(f"{ENVIRONMENT_PREFIX}AS_OF is wrong. {error}") from None
        return text


def _explain(error: ValidationError) -> str:
    """One sentence that names the first wrong variable and what it should be."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = str(first["loc"][0])
    wrong = displayable(str(first["input"]))
    meaning = Settings.model_fields[field].description
    return (
        f'{ENVIRONMENT_PREFIX}{field.upper()} is wrong: "{wrong}" ({first["msg"].lower()}). '
        f"It is {meaning}."
    )
