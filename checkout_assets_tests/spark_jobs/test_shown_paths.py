"""Records show the paths of what was removed, and no name that is not ours."""

import pytest

from spark_jobs.job.conform_slice import _without_strangers


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/PaymentData/payments/*/cardNumber", "/PaymentData/payments/*/cardNumber"),
        ("/CustomData/João/Número do\u202e cartão", "/CustomData/?/numerodocartao"),
        ("/CustomData/cardNumber4111111111111111", "/CustomData/?"),
        ("/CustomData/card of João/cvv987", "/CustomData/?/?"),
        ("/items/*/attachments", "/items/*/attachments"),
        ("/items/*/joao attachment", "/items/*/?"),
        ("/customdata/x/*/cart-extra-context", "/customdata/?/*/cart-extra-context"),
    ],
)  # fmt: skip
def test_names_that_are_not_ours_are_hidden(path: str, shown: str) -> None:
    assert _without_strangers(path) == shown
