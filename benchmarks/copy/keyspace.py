"""The objects of the stub's source: their keys are computed from their numbers.

Nothing is stored for them, so that ten million keys need no memory.
"""

from collections.abc import Sequence

_KEY = b"%b/AF000/id/v%09d-01"
_BETWEEN = b"/AF000/id/v"
_DIGITS = 9
_END = b"-01"
_SIZE = 5_000
_SIZES = 4_096


class KeySpace:
    """``count`` documents in each folder, numbered in key order."""

    def __init__(self, folders: Sequence[str], count: int) -> None:
        self._folders = sorted(folder.encode() for folder in folders)
        self._first = {folder: n * count for n, folder in enumerate(self._folders)}
        self._count = count

    def __len__(self) -> int:
        return len(self._folders) * self._count

    def key(self, number: int) -> bytes:
        """The key of an object, which begins with its folder."""
        folder, within = divmod(number, self._count)
        return _KEY % (self._folders[folder], within)

    def described(self, numbers: Sequence[int]) -> list[tuple[bytes, int, bytes]]:
        """Key, size and entity tag of objects, as a listing needs them."""
        count, folders = self._count, self._folders
        return [
            (
                _KEY % (folders[number // count], number % count),
                _SIZE + number % _SIZES,
                b"%032x" % number,
            )
            for number in numbers
        ]

    def number(self, key: bytes) -> int | None:
        """The number of the object with this key, if there is one."""
        folder, _, rest = key.partition(_BETWEEN)
        first = self._first.get(folder)
        digits = rest[:_DIGITS]
        if first is None or rest[_DIGITS:] != _END or not digits.isdigit():
            return None
        within = int(digits)
        return first + within if within < self._count else None

    def position(self, key: bytes) -> int:
        """The number of objects with a smaller key."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low

    @staticmethod
    def size(number: int) -> int:
        """The size of an object in bytes."""
        return _SIZE + number % _SIZES

    @staticmethod
    def etag(number: int) -> bytes:
        """An object's entity tag, in the form of an MD5."""
        return b"%032x" % number

    def body(self, number: int) -> bytes:
        """An object's bytes: JSON that is padded to its size."""
        told = b'{"Id": "%d", "CreationDate": "2018-10-31T00:00:00Z", "x": "' % number
        return told.ljust(self.size(number) - 2, b"x") + b'"}'
