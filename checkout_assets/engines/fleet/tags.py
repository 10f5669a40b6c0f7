"""The tags by which the hosts of a run are found, whichever process launched them."""

from collections.abc import Mapping

RUN_ID_TAG = "checkout-assets:run-id"
DEPLOYMENT_TAG = "checkout-assets:deployment"
GROUP_TAG = "checkout-assets:group"
"""The number of the group of its run's units that a host works on, from 1."""

_MOST_DIGITS = 3
"""A run has at most 512 folders."""


def run_tags(deployment: str, run_id: str) -> dict[str, str]:
    """Return the tags by which all hosts of a run are found."""
    return {DEPLOYMENT_TAG: deployment, RUN_ID_TAG: run_id}


def tagged_group(tags: Mapping[str, str]) -> int:
    """Return the group's number; 1 for a host of an earlier version, whose runs had one group."""
    told = tags.get(GROUP_TAG, "")
    plain = told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS
    return max(int(told), 1) if plain else 1
