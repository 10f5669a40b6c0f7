"""The 512 folders: names, key order and ranges.

A folder is the unit of copying, structuring and reconciling, and the partition key of every
partitioned asset.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from spark_jobs.contract.order_types import OrderType

PREFIXES_PER_ORDER_TYPE = 256
_NAME = re.compile(f"([0-9A-F]{{2}})_({'|'.join(OrderType)})")
_LOOSE_NAME = re.compile(r"([0-9a-f]{2})_*(checkout|fulfillment)(order)?", re.IGNORECASE | re.ASCII)
_RANGE = ".."


@dataclass(frozen=True, slots=True)
class Folder:
    """One of the 512 folders: an order type and a hex prefix of 0 to 255."""

    order_type: OrderType
    prefix: int

    def __post_init__(self) -> None:
        if not 0 <= self.prefix < PREFIXES_PER_ORDER_TYPE:
            raise UsageError(f"A folder's prefix lies between 00 and FF, not {self.prefix:#x}.")

    @classmethod
    def parse(cls, name: str) -> "Folder":
        """Return the folder of that exact name; the UsageError suggests the nearest valid one."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise UsageError(_explain_wrong_name(name))
        return cls(OrderType(match[2]), int(match[1], 16))

    @property
    def name(self) -> str:
        """For example ``0A_CheckoutOrder``."""
        return f"{self.prefix:02X}_{self.order_type}"

    @property
    def index(self) -> int:
        """Position in key order, 0 to 511: all of CheckoutOrder, then all of FulfillmentOrder."""
        return list(OrderType).index(self.order_type) * PREFIXES_PER_ORDER_TYPE + self.prefix

    def __str__(self) -> str:
        return self.name

    def __lt__(self, other: "Folder") -> bool:
        return self.index < other.index


ALL_FOLDERS: tuple[Folder, ...] = tuple(
    Folder(order_type, prefix)
    for order_type in OrderType
    for prefix in range(PREFIXES_PER_ORDER_TYPE)
)
FOLDER_NAMES: tuple[str, ...] = tuple(folder.name for folder in ALL_FOLDERS)


def select_folders(words: Iterable[str]) -> tuple[Folder, ...]:
    """Return the folders for names, ranges (``00_CheckoutOrder..0F_CheckoutOrder``) and ``all``.

    Each folder is returned once, in key order. Raises UsageError without a word, for an invalid
    name, or for a range that runs backwards.
    """
    chosen: set[Folder] = set()
    for word in words:
        chosen.update(_expand(word))
    if not chosen:
        raise UsageError(
            "No folder was named: give a name such as 00_CheckoutOrder, a range such as "
            "00_CheckoutOrder..0F_CheckoutOrder, or all."
        )
    return tuple(sorted(chosen))


def words_for(folders: Iterable[Folder]) -> tuple[str, ...]:
    """Return the fewest words that ``select_folders`` parses as exactly these folders."""
    runs: list[list[Folder]] = []
    for folder in sorted(set(folders)):
        if runs and runs[-1][-1].index + 1 == folder.index:
            runs[-1].append(folder)
        else:
            runs.append([folder])
    return tuple(f"{run[0]}{_RANGE}{run[-1]}" if len(run) > 1 else run[0].name for run in runs)


def _expand(word: str) -> tuple[Folder, ...]:
    if word == "all":
        return ALL_FOLDERS
    if _RANGE not in word:
        return (Folder.parse(word),)
    first_name, _, last_name = word.partition(_RANGE)
    first, last = Folder.parse(first_name), Folder.parse(last_name)
    if last < first:
        raise UsageError(
            f"The range {first}..{last} runs backwards: write {last}..{first}. In key order all "
            "CheckoutOrder folders come before the FulfillmentOrder ones."
        )
    return ALL_FOLDERS[first.index : last.index + 1]


def _explain_wrong_name(name: str) -> str:
    form = "two upper-case hex digits, _ and CheckoutOrder or FulfillmentOrder"
    loose = _LOOSE_NAME.fullmatch(name)
    invalid = f'"{displayable(name)}" is not a valid folder name'
    if loose is None:
        return f"{invalid}: a name is {form}, such as 0A_CheckoutOrder."
    suggestion = f"{loose[1].upper()}_{OrderType[loose[2].upper()]}"
    return f"{invalid}: did you mean {suggestion}? A name is {form}."
