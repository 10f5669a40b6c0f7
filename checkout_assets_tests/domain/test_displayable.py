"""Names that strangers wrote, made fit to be shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.domain.displayable import LONGEST_SHOWN, displayable, masked


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ação 1", "Ação 1"),
        ("a\nb", "a\\u{A}b"),
        ("\x1b[31mred", "\\u{1B}[31mred"),
        ("abc\u202edcba", "abc\\u{202E}dcba"),
        ("a\u00a0b\u200bc", "a\\u{A0}b\\u{200B}c"),
        ("back\\slash", "back\\\\slash"),
        ("x" * 121, "x" * 119 + "…"),
        ("\n" * 50, None),
    ],
)
def test_what_does_not_print_is_made_visible(name: str, shown: str | None) -> None:
    if shown is not None:
        assert displayable(name) == shown
    assert len(displayable(name)) <= LONGEST_SHOWN


@given(st.text())
def test_nothing_shown_can_control_a_terminal(name: str) -> None:
    shown = displayable(name)
    assert len(shown) <= LONGEST_SHOWN
    assert all(unicodedata.category(character)[0] != "C" for character in shown)


def test_a_masked_key_tells_its_folder_and_nothing_else() -> None:
    shown = masked("22_FulfillmentOrder/AF00/id/Maria Silva")
    assert shown.startswith("22_FulfillmentOrder/[object ")
    assert "Maria" not in shown
    assert shown != masked("22_FulfillmentOrder/AF00/id/Maria Souza")
