"""Whether the copies of a sample have what their originals have beside their bytes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.keys import safe_key
from checkout_assets.engines.copying.parts import KEPT_HEADERS
from checkout_assets.engines.copying.sample import Sample, SampleKind

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store


def not_in_raw(sample: Sample, raw: "S3Store") -> list[SampleKind]:
    """Return the kinds whose objects raw does not hold; raises StoreError."""
    keys = _raw_keys(sample, raw)
    sizes = raw.sizes(keys.values())
    return [kind for kind, key in keys.items() if sizes[key] is None]


def lost_attributes(source: "S3Store", sample: Sample, raw: "S3Store") -> list[str]:
    """Return a clause per attribute that a copy lacks or has otherwise; raises StoreError."""
    lost = []
    for kind, key in _raw_keys(sample, raw).items():
        original = sample.chosen[kind].key
        lost += [f"{name} of the {kind} object" for name in _unlike(source, original, raw, key)]
    return lost


def _raw_keys(sample: Sample, raw: "S3Store") -> dict[SampleKind, str]:
    return {kind: safe_key(each.key, raw.prefix) for kind, each in sample.chosen.items()}


def _unlike(source: "S3Store", original: str, raw: "S3Store", key: str) -> Sequence[str]:
    here, there = source.head(original), raw.head(key)
    unlike = [name for name in KEPT_HEADERS if here.get(name) != there.get(name)]
    if source.tags(original) != raw.tags(key):
        unlike.append("the tags")
    return unlike
