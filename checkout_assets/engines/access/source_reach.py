"""Whether the source can still be read, and if not, whether that is intended."""

from datetime import datetime
from typing import Any

from checkout_assets.engines.access.grant_record import find_grant
from checkout_assets.engines.access.refusals import told_plainly
from checkout_assets.engines.failed_requests import code_of
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.silence import OnSilence, ignore_silence, listening_to
from spark_jobs.service_codes import is_denied


def source_answers(
    source: S3Location, session: Any = None, on_silence: OnSilence = ignore_silence
) -> bool:
    """Whether we may list what lies directly below the source.

    ``session`` is a boto3 session for the request; without one the environment's principal is used.
    """
    from botocore.exceptions import ClientError

    store = source.open(session)
    asked = told_plainly("s3:ListBucket", f"the source {source.uri}")
    with asked, listening_to(store, on_silence):
        try:
            store.client.list_objects_v2(
                Bucket=source.bucket, Prefix=source.prefix, Delimiter="/", MaxKeys=1
            )
        except ClientError as error:
            if is_denied(code_of(error)):
                return False
            raise
    return True


def ended_access(
    source: S3Location,
    raw: S3Location,
    now: datetime,
    session: Any = None,
    on_silence: OnSilence = ignore_silence,
) -> str:
    """Return when the grant ended and what the last proof was, if the source is closed.

    Empty if the source answers, or if nothing says that it should not. A source that denies access
    without a record, or while a grant is active, is a failure and not an end. The source is
    requested with ``session``. The record is read by the environment's principal, and only if the
    source does not answer: a copying role need not be able to read it.
    """
    if source_answers(source, session, on_silence):
        return ""
    with listening_to(raw.open(), on_silence) as store:
        grant = find_grant(store)
    return grant.ended(now) if grant else ""
