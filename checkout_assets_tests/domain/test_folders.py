"""The 512 folders: names, key order, ranges, and what is said of wrong ones."""

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import ALL_FOLDERS, FOLDER_NAMES, Folder, select_folders
from spark_jobs.contract.order_types import OrderType


def test_there_are_512_folders_in_key_order() -> None:
    assert len(FOLDER_NAMES) == len(set(FOLDER_NAMES)) == 512
    assert FOLDER_NAMES[:2] == ("00_CheckoutOrder", "01_CheckoutOrder")
    assert FOLDER_NAMES[255:257] == ("FF_CheckoutOrder", "00_FulfillmentOrder")
    assert FOLDER_NAMES[-1] == "FF_FulfillmentOrder"
    assert [folder.index for folder in ALL_FOLDERS] == list(range(512))
    assert sorted(ALL_FOLDERS) == list(ALL_FOLDERS)


def test_a_name_and_its_folder_are_the_same_thing() -> None:
    for folder in ALL_FOLDERS:
        assert Folder.parse(folder.name) == folder
    assert Folder.parse("E9_FulfillmentOrder").order_type.table == "fulfillment"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("0a_CheckoutOrder", "did you mean 0A_CheckoutOrder?"),
        ("E9__FulfillmentOrder", "did you mean E9_FulfillmentOrder?"),
        ("ff_fulfillment", "did you mean FF_FulfillmentOrder?"),
        ("100_CheckoutOrder", "is not a valid folder name"),
        ("0G_CheckoutOrder", "is not a valid folder name"),
        ("00_CheckoutOrder ", "is not a valid folder name"),
        ("", "is not a valid folder name"),
        ("00_CheckoutOrder\x1b[31m", "\\u{1B}[31m"),
        ("0a_chec\u212aout", "is not a valid folder name"),
        ("0a_fulf\u0131llment", "is not a valid folder name"),
        ("\u0661a_checkout", "is not a valid folder name"),
    ],
)
def test_a_wrong_name_gets_one_clear_sentence(wrong: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        Folder.parse(wrong)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_a_prefix_outside_a_byte_is_refused() -> None:
    with pytest.raises(UsageError, match="between 00 and FF"):
        Folder(OrderType.CHECKOUT, 256)


def test_names_ranges_and_all_select_each_folder_once_in_key_order() -> None:
    chosen = select_folders(
        ["01_FulfillmentOrder", "00_CheckoutOrder..02_CheckoutOrder", "01_CheckoutOrder"]
    )
    assert [folder.name for folder in chosen] == [
        "00_CheckoutOrder",
        "01_CheckoutOrder",
        "02_CheckoutOrder",
        "01_FulfillmentOrder",
    ]
    assert select_folders(["all"]) == ALL_FOLDERS
    assert len(select_folders(["FE_CheckoutOrder..01_FulfillmentOrder"])) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "No folder was named"),
        (["02_CheckoutOrder..01_CheckoutOrder"], "runs backwards"),
        (["00_FulfillmentOrder..FF_CheckoutOrder"], "runs backwards"),
        (["00_CheckoutOrder.."], "is not a valid folder name"),
        (["00_CheckoutOrder", "nonsense"], "is not a valid folder name"),
    ],
)
def test_a_wrong_selection_gets_one_clear_sentence(words: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        select_folders(words)
