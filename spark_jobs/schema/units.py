"""Which numbers and texts of the schema are amounts, times and durations.

Fields are identified by name, because a name means the same in every struct. The docs print these
lists, and a test fails for a column or field that could be an amount or a time and is in no list.
"""

from __future__ import annotations

from typing import Dict, FrozenSet

CENTS: FrozenSet[str] = frozenset(
    (
        "balance", "calculatedSellingPrice", "listPrice", "manualPrice",
        "marketplacepaymentreferencevalue", "marketplacepaymentvalue", "minimumOrderValue", "price",
        "referenceValue", "rewardValue", "roundingerror", "sellerPrice", "sellingPrice", "tax",
        "total", "totalListPrice", "value", "valueAsInt", "virtualSellingPrice",
    )
)  # fmt: skip
"""``bigint`` columns and fields that are amounts in hundredths of the order's currency.

The API's documentation says so for orders, items and totals; for the rest it is inferred.
"""

UNIT_UNKNOWN: FrozenSet[str] = frozenset(("commission", "freightCommission"))
"""``bigint`` fields of which it is not known whether they are amounts or percentages."""

_FULL = "`2015-07-17T17:57:42.1911258Z`: 0 to 7 digits of fraction; `Z`, an offset, or neither"
_LOCAL = "`2015-07-17T14:57:42.1911258`: local time of the account, without an offset"

TIMES: Dict[str, str] = {
    "creationdate": _FULL,
    "lastchange": _FULL + "; may be empty or null",
    "orderformcreationdate": _FULL,
    "timezonecreationdate": _LOCAL,
    "timezonelastchange": _LOCAL,
    "date": _FULL,
    "preSaleDate": _FULL,
    "priceValidUntil": "`2019-10-31T23:59:59Z`",
    "startDateUtc": "`2018-11-03T08:00:00+00:00`",
    "endDateUtc": "`2018-11-03T10:00:00+00:00`",
    "shippingEstimateDate": _FULL,
    "dueDate": "`2018-11-05`, a day, or with a time",
    "openingTime": "`08:00:00`, a time of day",
    "closingTime": "`18:00:00`, a time of day",
}
"""``string`` columns and fields that are times, with their format in the source."""

DURATIONS: Dict[str, str] = {
    "lockTTL": "`10d`, `2bd`: a number and d (days), bd (business days), h or m",
    "shippingEstimate": "as `lockTTL`",
    "originalShippingEstimate": "as `lockTTL`",
    "transitTime": "as `lockTTL`",
}
"""``string`` fields that are durations, with their format in the source."""
