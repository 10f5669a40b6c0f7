"""Whether a copied object's bytes are the source's: what S3 answers is believed only that far."""

from collections.abc import Callable

from checkout_assets.engines.copying.attempts import Attempt, Ending
from checkout_assets.engines.copying.comparing import Bytes, Comparer, Finding, by_tags
from checkout_assets.engines.copying.explaining import OTHER_BYTES, why_failed
from spark_jobs.stores import StoreError


class Judge:
    """Ends each attempt by the tag that S3 returned for it.

    Of a raw under KMS no tag tells of bytes. ``on_change`` takes an attempt whose source has
    changed while it was compared.
    """

    def __init__(
        self, comparer: Comparer, raw_is_kms: bool, on_change: Callable[[Attempt], None]
    ) -> None:
        self._comparer = comparer
        self._raw_is_kms = raw_is_kms
        self._on_change = on_change

    def by_tag(self, attempt: Attempt, raw_etag: str) -> None:
        """Compare it with the source's tag, where equal bytes have equal tags."""
        found = by_tags(attempt.source.etag, raw_etag)
        if found is Bytes.SAME:
            attempt.end(Ending.COPIED, raw_etag=raw_etag)
        elif found is Bytes.UNKNOWN or self._raw_is_kms:
            attempt.end(Ending.COPIED, raw_etag=raw_etag, compared=False)
        else:
            self._by_heads(attempt, raw_etag)

    def _by_heads(self, attempt: Attempt, raw_etag: str) -> None:
        """Under KMS a tag looks like an MD5 and is not; otherwise other bytes have arrived."""

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
