"""How many examples a property tests, and whether they are the same each time.

The tests that decide whether a change lands look at the same examples each time: a red one is
the change's. ``make test-properties`` looks for other ones, ``PROPERTY_FACTOR`` times as many.
"""

import os

from hypothesis import HealthCheck, settings

_FACTOR = int(os.environ.get("PROPERTY_FACTOR", "0"))


def examples(usual: int = 100) -> int:
    """The usual number of examples, or a multiple of it in a search for new ones."""
    return usual * max(1, _FACTOR)


def load_profile() -> None:
    """Set the defaults for properties that have no settings of their own."""
    settings.register_profile(
        "checkout-assets",
        max_examples=examples(),
        derandomize=_FACTOR == 0,
        deadline=None,  # a slow machine must not fail a test
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("checkout-assets")
