"""Decide from S3's response whether a copied object has the source's bytes."""

from collections.abc import Callable

from checkout_assets.engines.copying.attempts import Attempt, Ending
from checkout_assets.engines.copying.comparing import Bytes, Comparer, Finding, by_tags
from checkout_assets.engines.copying.explaining import OTHER_BYTES, why_failed
from spark_jobs.stores import StoreError


class Judge:
    """Ends each attempt by the tag that S3 returned for it.

    If raw is encrypted with KMS, its tags say nothing about bytes. ``on_change`` receives an
    attempt whose source changed during the comparison.
    """

    def __init__(
        self, comparer: Comparer, raw_is_kms: bool, on_change: Callable[[Attempt], None]
    ) -> None:
        self._comparer = comparer
        self._raw_is_kms = raw_is_kms
        self._on_change = on_change

    def by_tag(self, attempt: Attempt, raw_etag: str) -> None:
        """Compare the tag with the source's, where equal bytes have equal tags."""
        found = by_tags(attempt.source.etag, raw_etag)
        if found is Bytes.SAME:
            attempt.end(Ending.COPIED, raw_etag=raw_etag)
        elif found is Bytes.UNKNOWN or self._raw_is_kms:
            attempt.end(Ending.COPIED, raw_etag=raw_etag, compared=False)
        else:
            self._by_heads(attempt, raw_etag)

    def _by_heads(self, attempt: Attempt, raw_etag: str) -> None:
        """Compare by headers: the tags differ because of KMS or because the bytes differ."""

        def on_finding(found: Finding) -> None:
            self._by_finding(attempt, raw_etag, found)

        try:
            self._comparer.start(attempt.source, attempt.raw_key, Bytes.OTHER, on_finding)
        except Exception as error:
            attempt.fail(why_failed(attempt.source, error))

    def _by_finding(self, attempt: Attempt, raw_etag: str, found: Finding) -> None:
        if isinstance(found, StoreError):
            attempt.fail(why_failed(attempt.source, found))
        elif found is Bytes.OTHER:
            attempt.fail(OTHER_BYTES)
        elif found is Bytes.CHANGED:
            attempt.there = raw_etag
            self._on_change(attempt)
        else:
            attempt.end(Ending.COPIED, raw_etag=raw_etag, compared=found is Bytes.SAME)
