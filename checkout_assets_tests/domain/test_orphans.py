"""How orphaned files are shown: names that this program gives in full, others masked."""

from datetime import UTC, datetime

import pytest

from checkout_assets.domain.orphans import OrphanedFile, shown_path, shown_some

TABLE = "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/"
QUARANTINE = "quarantine/checkout/0A_CheckoutOrder/"
RUN = "0b9b5f6a-8c55-4f0e-9d0e-0c8d2f1b7a11"


@pytest.mark.parametrize(
    "path",
    [
        f"{TABLE}0A_CheckoutOrder.{RUN}.0.parquet",
        f"{TABLE}0A_CheckoutOrder.cli-0123abcd.12.parquet",
        f"{QUARANTINE}{RUN}.3.parquet",
        f"{QUARANTINE}cli-0123abcd.3.1.parquet",
    ],
)
def test_a_name_of_ours_is_shown(path: str) -> None:
    assert shown_path(path) == path


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (f"{TABLE}0A_CheckoutOrder.jane-doe.0.parquet", TABLE),
        (f"{QUARANTINE}jane-doe.parquet", QUARANTINE),
        ("consumable_tables/checkout/jane-doe/0A_CheckoutOrder.x.0.parquet", TABLE[:27]),
        (f"{TABLE}jane-doe/0A_CheckoutOrder.{RUN}.0.parquet", TABLE),
        (f"quarantine/checkout/jane-doe/{RUN}.0.parquet", "quarantine/checkout/"),
        (f"{TABLE}0A_CheckoutOrder.\x1b]0;jane-doe\x07\u202e.0.parquet", TABLE),
        (f"{TABLE}<script>jane-doe</script>", TABLE),
    ],
)
def test_a_name_of_strangers_is_masked_unless_names_are_shown(path: str, known: str) -> None:
    masked = shown_path(path)
    assert masked.startswith(f"{known}[object ")
    assert "jane" not in masked
    named = shown_path(path, show_names=True)
    assert "jane-doe" in named
    assert named.isprintable()


@pytest.mark.parametrize(
    "path",
    [
        f"{TABLE}0A_CheckoutOrder.{RUN}.\u0660.parquet",
        f"{TABLE}0A_CheckoutOrder.{RUN}.0.parquet\n",
        f"{QUARANTINE}{RUN}.\u0968.parquet",
    ],
)
def test_a_name_that_is_almost_ours_is_masked(path: str) -> None:
    assert "[object " in shown_path(path)


def test_a_long_list_ends_in_a_count() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    files = [OrphanedFile(f"{QUARANTINE}cli-0123abcd.{n}.parquet", 1, when) for n in range(5)]
    assert shown_some(files[:2], 2) == [files[0].path, files[1].path]
    assert shown_some(reversed(files), 2) == [files[0].path, files[1].path, "and 3 more"]
