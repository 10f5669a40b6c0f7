"""Listing a large folder in ranges of keys, several at once, yielded in order.

S3 returns a thousand keys per response, and only the response says where the next page begins: page
by page, a million keys take a thousand round trips. If keys are spread evenly, as ids are, it can
be estimated where pages begin, so that several are requested at once. A range with more keys than
estimated takes another page, one with fewer costs a request. The width of later ranges follows the
counts of the last ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice
from operator import lt
from typing import Callable, Deque, Iterator, List, NamedTuple, Optional, Sequence

from spark_jobs.stores.listing import Advance, Page, PageSource, list_pages

PAGES_AHEAD = 4
"""Ranges requested at once: 300 KB of memory each, and four pages in the time of one."""

_KEYS_PER_RANGE = 900
"""A little less than a page, so that most ranges need only one page."""

_SAMPLE = 50
_TELLING = 4
_DEPTH = 16
_LEAST_FACTOR, _MOST_FACTOR = 0.5, 2.0


class Scale(NamedTuple):
    """Keys as numbers: ``depth`` characters after ``literal`` are digits of ``alphabet``."""

    literal: str
    alphabet: str
    depth: int

    @property
    def end(self) -> int:
        """One more than the largest number."""
        return int(len(self.alphabet) ** self.depth)

    def number(self, key: str) -> Optional[int]:
        """The number of a key; None if the key is not on the scale."""
        if not key.startswith(self.literal):
            return None
        number = 0
        digits = key[len(self.literal) : len(self.literal) + self.depth]
        for character in digits.ljust(self.depth, self.alphabet[0]):
            digit = self.alphabet.find(character)
            if digit < 0:
                return None
            number = number * len(self.alphabet) + digit
        return number

    def key(self, number: int) -> str:
        """The first key with this number."""
        digits = []
        for _ in range(self.depth):
            number, digit = divmod(number, len(self.alphabet))
            digits.append(self.alphabet[digit])
        return self.literal + "".join(reversed(digits))


def scale_of(keys: Sequence[str]) -> Optional[Scale]:
    """The scale of these ascending keys; None if they do not have this form.

    Its digits are the characters at the first positions at which the keys differ; it is extended
    before and after them by all positions with the same characters.
    """
    sample = keys[:: max(1, len(keys) // _SAMPLE)]
    places = [set(characters) for characters in zip(*sample)]
    first = next((at for at, found in enumerate(places) if len(found) > 1), None)
    if first is None:
        return None
    alphabet = set().union(*(f for f in places[first : first + _TELLING] if len(f) > 1))
    begin, end = first, first + 1
    while begin and places[begin - 1] <= alphabet:
        begin -= 1
    while end < min(len(places), first + _DEPTH) and places[end] <= alphabet:
        end += 1
    return Scale(sample[0][:begin], "".join(sorted(alphabet)), end - begin)


class _Range(NamedTuple):
    """Keys after ``start``, up to and including ``end``, or all that follow.

    ``width`` is the difference of their numbers on the scale.
    """

    answer: Callable[[], Page]
    start: str
    end: Optional[str]
    width: int


class _Foreseen:
    """Estimates ranges that hold about as many keys as a page."""

    def __init__(self, question: PageSource, scale: Scale, page: Page, width: int) -> None:
        self._question = question
        self._scale = scale
        self._after = page.keys[-1]
        self._at = scale.number(self._after)
        self._width = width

    @classmethod
    def after(cls, question: PageSource, page: Page) -> Optional[_Foreseen]:
        """The estimate after this first page; None if there can be none."""
        scale = scale_of(page.keys)
        if scale is None:
            return None
        first, last = scale.number(page.keys[0]), scale.number(page.keys[-1])
        if first is None or last is None:
            return None
        width = (last - first) * _KEYS_PER_RANGE // len(page.keys)
        return cls(question, scale, page, max(1, width))

    def begin_next(self) -> Optional[_Range]:
        """Request the next range; None if the last one has been requested."""
        if self._at is None:
            return None
        start = self._after
        answer = _ask_after(self._question, start)
        self._at += self._width
        if self._at >= self._scale.end:
            self._at = None
            return _Range(answer, start, None, self._width)
        self._after = self._scale.key(self._at)
        return _Range(answer, start, self._after, self._width)

    def learn(self, count: int, width: int) -> None:
        """Adjust the width of later ranges: a range of that width held ``count`` keys."""
        factor = _KEYS_PER_RANGE / max(count, 1)
        self._width = max(1, int(width * min(max(factor, _LEAST_FACTOR), _MOST_FACTOR)))


class _StartIgnoredError(Exception):
    """The server listed keys that precede the requested start."""


def list_ranges(question: PageSource, ahead: int) -> Iterator[Page]:
    """All pages in order; from the first page the ranges of the rest are estimated, if possible."""
    page = question.ask()()
    yield page
    if not page.token:
        return
    foreseen = _Foreseen.after(question, page) if page.keys else None
    try:
        if foreseen is not None:
            yield from _in_ranges(question, foreseen, ahead)
            return
    except _StartIgnoredError:
        pass  # raised before any page of a range was yielded
    yield from list_pages(question, page.token)


def _in_ranges(question: PageSource, foreseen: _Foreseen, ahead: int) -> Iterator[Page]:
    """The pages after the first; raises _StartIgnoredError at once if ranges do not work."""
    ranges: Deque[_Range] = deque()
    proved = False
    while True:
        following = foreseen.begin_next() if len(ranges) < ahead else None
        if following is not None:
            ranges.append(following)
            continue
        if not ranges:
            return
        current = ranges.popleft()
        head = current.answer()
        if not proved and head.keys and head.keys[0] < current.start:
            raise _StartIgnoredError
        proved = True
        count = 0
        for page in _within(question, head, current):
            count += len(page.keys)
            yield page
        if not page.token:
            # The ranges requested beyond this one are empty.
            return
        foreseen.learn(count, current.width)


def _within(question: PageSource, page: Page, current: _Range) -> Iterator[Page]:
    """The pages of a range, beginning with this one; the last has a token if there is more.

    Each starts after the last key of the one before: if a range starts at a key that does not
    exist, the tokens of some servers skip a key.
    """
    advance, start, end = Advance(), current.start, current.end
    while True:
        page = advance.check(_without(start, page))
        inside = len(page.keys) if end is None else bisect_right(page.keys, end)
        if inside < len(page.keys) and _ascends(page.keys):
            yield page.first(inside)._replace(token=page.token or "more")
            return
        # The next page is requested while this one is used.
        answer = _ask_beyond(question, page) if page.token else None
        yield page
        if answer is None:
            return
        start = page.keys[-1] if page.keys else start
        page = answer()


def _ask_after(question: PageSource, key: str) -> Callable[[], Page]:
    return question.ask(after=question.prefix[: question.dropped] + key)


def _ask_beyond(question: PageSource, page: Page) -> Callable[[], Page]:
    """Request what follows a page: by its last key, or by its token if it is empty."""
    return _ask_after(question, page.keys[-1]) if page.keys else question.ask(token=page.token)


def _without(start: str, page: Page) -> Page:
    """The page without ``start`` itself, which some servers list again."""
    return page.rest(1) if page.keys[:1] == [start] else page


def _ascends(keys: List[str]) -> bool:
    """Whether keys ascend: a page can be cut only then; joining listings rejects other pages."""
    return all(map(lt, keys, islice(keys, 1, None)))
