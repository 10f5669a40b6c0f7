"""Remove what never reaches the lake from values that are, or parse as, JSON.

Text is cut and not rewritten: what stays is unchanged to the letter. Only a text that names card
data and does not parse is dropped as a whole, because its parts cannot be separated.
"""

from __future__ import annotations

from typing import Any, Container, Dict, Iterable, List, Optional

from spark_jobs.conforming.about_objects import About, about
from spark_jobs.conforming.exact_json import NotJsonError, Number, Object, parse, quoted
from spark_jobs.conforming.fates import (
    BY_VALUE,
    CLEAN,
    KEEP,
    REDACT,
    fate,
    fate_of_name,
    goes,
    place_decides,
)
from spark_jobs.conforming.listed_values import named_items
from spark_jobs.conforming.mentions import (
    MAY_BE_JSON,
    assigns_card_data,
    from_base64,
    may_hold_removed,
    names_card_data,
    tells_card_number,
)
from spark_jobs.conforming.paths import Path, name_of
from spark_jobs.json_spans import Node, spans
from spark_jobs.schema.redacted_names import is_value_key


class Scrubber:
    """Removes members and counts them by path: ``redacted`` card data, ``cleaned`` the rest.

    Unless it is ``thorough``, text that does not begin like JSON is not searched.
    """

    def __init__(self, thorough: bool) -> None:
        self.redacted: Dict[str, int] = {}
        self.cleaned: Dict[str, int] = {}
        self._thorough = thorough

    def removes(
        self, key: str, value: Any, parent: Path, index: int, said: Optional[About] = None
    ) -> bool:
        """Whether to remove a member; if so, counts it. ``said`` is what the object says of it."""
        found = fate(key, parent)
        if found == BY_VALUE:
            found = _decided(found, key, value, parent)
        if found == KEEP and said is not None and said.is_card:
            place = ((parent, "payments", 0), "card", 0)
            found = _decided(fate_of_name(key, place), key, value, place)
        if found == KEEP and said is not None and said.named is not None and is_value_key(key):
            key = said.named
            found = _decided(fate_of_name(key, parent), key, value, parent)
        if found == REDACT:
            _count(self.redacted, name_of((parent, key, index)))
        elif found == CLEAN:
            _count(self.cleaned, name_of((parent, key, index)).lower())
        return found != KEEP

    def removed_items(self, items: List[Any], parent: Path) -> Container[int]:
        """Return the indices of list items to remove, because others name them; counts them."""
        named = named_items(items, parent)
        for index, name in named.items():
            _count(self.redacted, name_of((parent, name, index)))
        return named

    def value(self, value: Any, path: Path) -> Any:
        """Return a parsed value without what is removed; text inside it is scrubbed too."""
        if type(value) is str:
            return self.text(value, path)
        if type(value) is list:
            removed = self.removed_items(value, path)
            return [
                self.value(item, (path, index, index))
                for index, item in enumerate(value)
                if index not in removed
            ]
        if type(value) is Object:
            said = about(value.pairs)
            return Object(
                [
                    (key, self.value(member, (path, key, index)))
                    for index, (key, member) in enumerate(value.pairs)
                    if not self.removes(key, member, path, index, said)
                ]
            )
        return value

    def text(self, text: str, path: Path) -> str:
        """Return a text without what is removed; unchanged if it contains nothing of that kind."""
        if text[:1] not in MAY_BE_JSON:
            return self._dropped(text, path) if self._drops(text) else text
        if not (may_hold_removed(text) or place_decides(path)):
            return text
        try:
            parsed = parse(text)
        except NotJsonError:
            return self._dropped(text, path) if names_card_data(text) else text
        if parsed is None or type(parsed) in (bool, Number):
            return text
        root = spans(text)
        return text[: root.start] + self._kept(text, root, parsed, path) + text[root.end :]

    def _stays_whole(self, value: Any) -> bool:
        """Whether a value that stays needs no further look."""
        if type(value) is str:
            return value[:1] not in MAY_BE_JSON and not self._thorough
        return type(value) is not list and type(value) is not Object

    def _drops(self, text: str) -> bool:
        if not self._thorough:
            return False
        inside = from_base64(text)
        if inside:
            return names_card_data(inside)
        return assigns_card_data(text) or tells_card_number(text)

    def _dropped(self, text: str, path: Path) -> str:
        _count(self.redacted, name_of(path))
        return f"? ({len(text)} characters)"

    def _kept(self, text: str, node: Node, value: Any, path: Path) -> str:
        """Return the part of a text that a value takes, without what is removed."""
        if type(value) is str:
            scrubbed = self.text(value, path)
            return text[node.start : node.end] if scrubbed == value else quoted(scrubbed)
        if not node.children:
            return text[node.start : node.end]
        said = about(value.pairs) if type(value) is Object else None
        removed = self.removed_items(value, path) if type(value) is list else ()
        pieces: List[str] = []
        last = node.start + 1
        for index, ((key, start, child), member) in enumerate(zip(node.children, _members(value))):
            separator, last = text[last:start], child.end
            if key is not None and self.removes(key, member, path, index, said):
                continue
            if index in removed:
                continue
            # The first member that stays needs no comma, whatever stood before it.
            lead = separator if pieces or not index else ""
            if self._stays_whole(member):
                pieces.append(lead + text[start : child.end])
                continue
            below = (path, index if key is None else key, index)
            pieces.append(lead + text[start : child.start] + self._kept(text, child, member, below))
        return text[node.start] + "".join(pieces) + text[last : node.end]


def _count(counts: Dict[str, int], path: str) -> None:
    counts[path] = counts.get(path, 0) + 1


def _decided(found: int, name: str, value: Any, parent: Path) -> int:
    if found != BY_VALUE:
        return found
    return REDACT if goes(name, value, parent) else KEEP


def _members(value: Any) -> Iterable[Any]:
    return value if type(value) is list else (member for _, member in value.pairs)
