"""First digits and lengths of card numbers, by issuer."""

from __future__ import annotations

from typing import Dict, Tuple

ISSUERS: Dict[str, Tuple[str, Tuple[int, ...]]] = {
    "Visa": ("4", (13, 16, 19)),
    "Mastercard": ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
    "American Express": ("3[47]", (15,)),
    "Diners Club": ("30[0-59]|3[689]", (14, 16)),
    "Discover": ("6011|64[4-9]|65", (16, 19)),
    "JCB": ("352[89]|35[3-8]", (16, 17, 18, 19)),
    "UnionPay": ("62", (16, 17, 18, 19)),
    "Maestro": ("5018|5020|5038|5612|5893|6304|6759|676[1-3]", (13, 14, 15, 16, 17, 18, 19)),
    "Elo": ("504175|5067|509|636297|636368", (16,)),
    "Hipercard": ("606282|3841[046]0", (13, 16, 19)),
    "Cabal": ("604[2-4]|589657", (16,)),
    "Naranja": ("589562", (16,)),
    "Mir": ("220[0-4]", (16, 17, 18, 19)),
}
"""Per issuer: the first digits as a regular expression, and the numbers' lengths in digits."""
