"""The options of alerts from the settings.

Not a Dagster resource: a resource's configuration is shown in the UI, and URLs may hold secrets.
"""

from collections.abc import Mapping
from typing import Any

from checkout_assets.engines.alerts.options import AlertOptions
from checkout_assets.resources.engines import parse_options


def alert_options(given: Mapping[str, Any]) -> AlertOptions:
    """The options of CHECKOUT_ALERTS; raises UsageError that names the first wrong one."""
    return AlertOptions(**parse_options(AlertOptions, "CHECKOUT_ALERTS", given))
