"""Listing a big folder in ranges of keys, some of them side by side, yielded in order.

S3 lists a thousand keys an answer, and only its answer says where the next page begins: one page
after the other, a million keys take a thousand round trips. Where keys are spread evenly, as ids
are, it can be foreseen about where each page will begin, so several are asked for at once. A range
that holds more than was foreseen takes another page, one that holds less costs a request; the
width of those to come follows what the last ones held.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice
from operator import lt
from typing import Callable, Deque, Iterator, List, NamedTuple, Optional, Sequence

from spark_jobs.stores.listing import Advance, Page, PageSource, list_pages

PAGES_AHEAD = 4
"""Ranges asked for at once: 300 KB of memory each, and four pages in the time of one."""

_KEYS_PER_RANGE = 900
"""A little less than a page, so that most ranges need one."""

_SAMPLE = 50
_TELLING = 4
_DEPTH = 16
_LEAST_FACTOR, _MOST_FACTOR = 0.5, 2.0


class Scale(NamedTuple):
    """Keys as numbers: after ``literal``, ``depth`` characters, each a digit by ``alphabet``."""

    literal: str
    alphabet: str
    depth: int

    @property
    def end(self) -> int:
        """One more than the greatest number."""
        return int(len(self.alphabet) ** self.depth)

    def number(self, key: str) -> Optional[int]:
        """The number of a key; None if it lies beyond what the scale can tell apart."""
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
        """The first key of that number."""
        digits = []
        for _ in range(self.depth):
            number, digit = divmod(number, len(self.alphabet))
            digits.append(self.alphabet[digit])
        return self.literal + "".join(reversed(digits))


def scale_of(keys: Sequence[str]) -> Optional[Scale]:
    """The scale on which these keys, ascending, lie; None if they have no such form.

    Its digits are the characters that vary in the first places that do; before and after them it
    takes in as many places as are made of the same characters.
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
    """Keys after ``start``, up to and including ``end`` or all that follow.

    ``width`` is how wide it is on the scale.
    """

    answer: Callable[[], Page]
    start: str
    end: Optional[str]
    width: int


class _Foreseen:
    """Where ranges begin and end that hold about as many keys as a page."""

    def __init__(self, question: PageSource, scale: Scale, page: Page, width: int) -> None:
        self._question = question
        self._scale = scale
        self._after = page.keys[-1]
        self._at = scale.number(self._after)
        self._width = width

    @classmethod
    def after(cls, question: PageSource, page: Page) -> Optional[_Foreseen]:
        """What is to be expected after this page; None if nothing can be."""
        scale = scale_of(page.keys)
        if scale is None:
            return None
        first, last = scale.number(page.keys[0]), scale.number(page.keys[-1])
        if first is None or last is None:
            return None
        width = (last - first) * _KEYS_PER_RANGE // len(page.keys)
        return cls(question, scale, page, max(1, width))

    def begin_next(self) -> Optional[_Range]:
        """Ask for the next range; None if the last one has been asked for."""
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
        """A range of that width held so many keys: make those to come wider or narrower."""
        factor = _KEYS_PER_RANGE / max(count, 1)
        self._width = max(1, int(width * min(max(factor, _LEAST_FACTOR), _MOST_FACTOR)))


class _StartIgnoredError(Exception):
    """The server has listed what comes before the key that it was to start after."""


def list_ranges(question: PageSource, ahead: int) -> Iterator[Page]:
    """All pages in order; the first tells whether and how the rest is foreseen."""
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
        pass  # before any page of a range was passed on
    yield from list_pages(question, page.token)


def _in_ranges(question: PageSource, foreseen: _Foreseen, ahead: int) -> Iterator[Page]:
    """The pages after the first; raises _StartIgnoredError at once if there can be no ranges."""
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
            # What was asked for beyond is empty.
            return
        foreseen.learn(count, current.width)


def _within(question: PageSource, page: Page, current: _Range) -> Iterator[Page]:
    """The pages of a range, beginning with this one; the last has a token if there is more.

    They follow one another by their last keys: after a start that names no key, the tokens of
    some servers leave a key out.
    """
    advance, start, end = Advance(), current.start, current.end
    while True:
        page = advance.check(_without(start, page))
        inside = len(page.keys) if end is None else bisect_right(page.keys, end)
        if inside < len(page.keys) and _ascends(page.keys):
            yield page.first(inside)._replace(token=page.token or "more")
            return
        # The next page is under way while this one is used.
        answer = _ask_beyond(question, page) if page.token else None
        yield page
        if answer is None:
            return
        start = page.keys[-1] if page.keys else start
        page = answer()


def _ask_after(question: PageSource, key: str) -> Callable[[], Page]:
    return question.ask(after=question.prefix[: question.dropped] + key)


def _ask_beyond(question: PageSource, page: Page) -> Callable[[], Page]:
    """Ask for what follows a page; an empty one, which S3 may send, is followed by its token."""
    return _ask_after(question, page.keys[-1]) if page.keys else question.ask(token=page.token)


def _without(start: str, page: Page) -> Page:
    """The page without the key it was to start after, which some servers list once more."""
    return page.rest(1) if page.keys[:1] == [start] else page


def _ascends(keys: List[str]) -> bool:
    """Only then can a page be cut; whoever joins listings refuses one that does not."""
    return all(map(lt, keys, islice(keys, 1, None)))
