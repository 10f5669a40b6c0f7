"""What never reaches the lake: the documented cleanings, and card data.

Names are matched regardless of case. Both hold at any depth of every value that is, or parses as,
JSON; cleanings are not counted, redactions are, by path.
"""

from __future__ import annotations

from typing import FrozenSet, Tuple

CLEANED_IF_CONTAINING = "attachment"
"""Every key that contains this is removed: attachments, itemAttachment, attachmentOfferings..."""

CLEANED_BELOW: Tuple[Tuple[str, ...], ...] = (
    ("itemmetadata", "items", "assemblyoptions"),
    ("ratesandbenefitsdata", "rateandbenefitsidentifiers", "matchedparameters"),
    ("ratesandbenefitsdata", "rateandbenefitsidentifiers", "additionalinfo"),
    ("customdata", "customapps", "fields", "cart-extra-context"),
)
"""Keys removed at exactly these places; list indices do not count."""

REDACTED: FrozenSet[str] = frozenset(
    (
        # the number of a card
        "cardnumber", "card_number", "creditcardnumber", "pan",
        # its holder
        "cardholder", "card_holder", "cardholdername", "card_holder_name", "holdername",
        "cardholderdocument",
        # its security code
        "cvv", "cvv2", "cvc", "cvc2", "csc", "securitycode", "security_code", "cardcode",
        "validationcode", "verificationcode",
        # its expiry
        "expiremonth", "expireyear", "expiredate", "expirymonth", "expiryyear", "expirydate",
        "expirationmonth", "expirationyear", "expirationdate", "expiration_date",
        "cardexpiration", "cardexpirationdate", "duemonth", "dueyear",
        # what acquirers answered, in whatever shape
        "connectorresponse", "connectorresponses", "connector_responses",
    )
)  # fmt: skip
"""Keys dropped wherever they stand, in lower case."""

PAYMENTS: FrozenSet[str] = frozenset(("paymentdata", "payments"))
"""Below these, ``BILLING_ADDRESS`` is dropped too; their text is dropped whole if unparsable."""

BILLING_ADDRESS = "billingaddress"
