"""The targets that the options name."""

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.alerts.options import AlertOptions
from checkout_assets.engines.alerts.sending import AlertTarget
from checkout_assets.engines.alerts.sns import SnsTopic
from checkout_assets.engines.alerts.urls import NotificationUrl, has_apprise


def alert_targets(options: AlertOptions) -> list[AlertTarget]:
    """The targets, each once; raises UsageError if URLs are named and apprise is missing."""
    if options.urls and not has_apprise():
        raise UsageError(
            "CHECKOUT_ALERTS names URLs, and apprise, which sends to them, is not installed: "
            "install checkout-assets[alerts], or name SNS topics only."
        )
    topics: list[AlertTarget] = [SnsTopic(arn) for arn in options.topics]
    urls = [NotificationUrl(url, number) for number, url in enumerate(options.urls, 1)]
    return list({each.key: each for each in (*topics, *urls)}.values())
