"""The tags of source objects, also where the S3 server knows no object tags."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_NO_TAGS = frozenset(("NotImplemented", "501", "MethodNotAllowed", "405"))
"""How servers without object tags refuse GetObjectTagging, such as R2 (jhaals/yopass issue 3657).
Amazon S3 answers NotImplemented to none of these requests, and MethodNotAllowed only about a
version that is a delete marker (S3 API reference, GetObjectTagging); no version is requested."""

_log = logging.getLogger(__name__)


class ObjectTags:
    """Reads the tags of the source's objects."""

    def __init__(self, source: "S3Store") -> None:
        self._source = source
        self._told = False

    def of(self, key: str) -> Mapping[str, str]:
        """Return the object's tags; none, logged once, if the server has no object tags.

        Raises StoreError for any other refusal, because a copy without its tags has lost something.
        """
        try:
            return self._source.tags(key)
        except StoreError as error:
            if error.code not in _NO_TAGS:
                raise
            self._tell(error.code)
            return {}

    def _tell(self, code: str) -> None:
        if not self._told:
            _log.warning(
                "The S3 server of %s has no object tags (it answers %s): objects above the limit "
                "of one copy request are copied without any.",
                self._source.uri,
                code,
            )
        self._told = True
