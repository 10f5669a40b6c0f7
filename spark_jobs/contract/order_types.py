"""The two order types and their tables."""

from __future__ import annotations

from spark_jobs.contract.words import Word


class OrderType(Word):
    """The two order types; the value is the spelling in folder names."""

    CHECKOUT = "CheckoutOrder"
    FULFILLMENT = "FulfillmentOrder"

    @property
    def table(self) -> str:
        """The table its documents go to: ``checkout`` or ``fulfillment``."""
        return self.name.lower()

    @classmethod
    def of(cls, folder: str) -> OrderType:
        """The order type in a folder's name; raises ValueError if the name has none."""
        return cls(folder.partition("_")[2])


def table_of(folder: str) -> str:
    """The table a folder's documents go to: ``00_CheckoutOrder`` -> ``checkout``."""
    return OrderType.of(folder).table
