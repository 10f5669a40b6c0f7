"""The options that say on which terms S3 is used: of ``copy``, and what others share of them."""

from typing import TYPE_CHECKING, Annotated

import typer

from checkout_assets.settings import Settings

if TYPE_CHECKING:
    from checkout_assets.engines.copying.terms import CopyTerms


def _option(name: str, told: str, metavar: str | None = None) -> typer.models.OptionInfo:
    variable = f"CHECKOUT_{name.upper().replace('-', '_')}"
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}",
        metavar=metavar,
        help=f"{told} [env: {variable}]",
        show_default=False,
    )
    return option


SourceAccount = Annotated[
    str | None, _option("source-account", "Fail unless it owns the source's bucket.", "ID")
]
RawAccount = Annotated[
    str | None, _option("raw-account", "Fail unless it owns raw's bucket.", "ID")
]
Encryption = Annotated[
    str | None,
    _option(
        "encryption",
        "How everything written to raw is encrypted; else as the bucket says.",
        "AES256|aws:kms",
    ),
]
KmsKey = Annotated[
    str | None, _option("kms-key", "The key, with --encryption aws:kms; a bucket key.", "ID|ARN")
]
LakeEncryption = Annotated[
    str | None,
    _option(
        "lake-encryption",
        "How everything written to the lake is encrypted; else as the bucket says.",
        "AES256|aws:kms",
    ),
]
LakeKmsKey = Annotated[
    str | None,
    _option("lake-kms-key", "The key, with --lake-encryption aws:kms; a bucket key.", "ID|ARN"),
]
StorageClass = Annotated[
    str | None, _option("storage-class", "The storage class of copies.", "CLASS")
]
RequesterPays = Annotated[
    bool | None, _option("requester-pays", "Pay for reading a requester-pays source.")
]
Role = Annotated[
    str | None,
    _option("copy-role-arn", "Assume this role for everything on both sides.", "ARN"),
]
ReplacesSource = Annotated[
    str | None,
    _option(
        "replaces-source",
        "Go on in a raw that was copied from this other source, which the present one replaces.",
        "URI",
    ),
]
ComparingRole = Annotated[
    str | None,
    typer.Option(
        "--copy-role-arn",
        metavar="ARN",
        help="Assume this role for source and raw. [env: CHECKOUT_COPY_ROLE_ARN, with "
        "CHECKOUT_RECONCILE_WITH_COPY_ROLE=true]",
        show_default=False,
    ),
]


def terms_of(settings: Settings) -> "CopyTerms":
    """The terms of the settings; raises UsageError if they are wrong."""
    from checkout_assets.engines.copying.terms import CopyTerms

    return CopyTerms(
        source_account=settings.source_account,
        raw_account=settings.raw_account,
        encryption=settings.encryption,
        kms_key=settings.kms_key,
        storage_class=settings.storage_class,
        requester_pays=settings.requester_pays,
        role_arn=settings.copy_role_arn,
    )
