"""A bucket's policy as text: insert our statements and remove them.

Other people's statements are never rewritten: their bytes and order stay.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from checkout_assets.domain.access.bucket_policies import OUR_STATEMENTS
from checkout_assets.domain.access.statements import Statement, our_name, pretty, same
from checkout_assets.domain.errors import MigrationError, UsageError
from spark_jobs.json_spans import Node, spans

LARGEST = 20 * 1024
"""Bytes of a bucket's policy: S3's limit."""

_NEW = '{{\n "Version": "2012-10-17",\n "Statement": [\n{}\n ]\n}}'
_BETWEEN = ",\n"


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A bucket's policy; empty text if it has none."""

    text: str = ""

    @property
    def statements(self) -> list[Statement]:
        """All statements, parsed; raises MigrationError if the text is not a policy."""
        return [_statement(piece) for piece in self._pieces]

    @property
    def ours(self) -> list[Statement]:
        """The statements that we put there."""
        return [each for each in self.statements if _is_ours(each)]

    @property
    def others(self) -> list[str]:
        """The text of each other statement, in order."""
        return [piece for piece in self._pieces if not _is_ours(_statement(piece))]

    def merged(self, wanted: Iterable[Statement]) -> "PolicyText":
        """Return the policy with exactly the wanted statements of ours; new ones go to the end.

        Statements that were there keep their places. Raises UsageError if the policy is too long
        for S3.
        """
        left = {our_name(each, OUR_STATEMENTS): each for each in wanted}
        pieces = []
        for piece in self._pieces:
            statement = _statement(piece)
            if not _is_ours(statement):
                pieces.append(piece)
                continue
            wished = left.pop(our_name(statement, OUR_STATEMENTS), None)
            if wished is not None:
                pieces.append(piece if same(wished, statement) else pretty(wished))
        merged = self._with(pieces + [pretty(each) for each in left.values()])
        if len(merged.text.encode()) > max(LARGEST, len(self.text.encode())):
            raise UsageError(
                f"The bucket's policy would exceed {LARGEST:,} bytes, S3's limit: remove "
                "statements that are no longer needed first."
            )
        return merged

    def without_ours(self) -> "PolicyText":
        """Return the policy without our statements; empty if it had no others."""
        return self.merged(())

    @property
    def _pieces(self) -> list[str]:
        if not self.text:
            return []
        value = self._statement_value
        is_list = self.text[value.start] == "["
        each = [child for _, _, child in value.children] if is_list else [value]
        return [self.text[node.start : node.end] for node in each]

    @property
    def _statement_value(self) -> Node:
        """Find the value of ``Statement``: a list of statements, or one statement."""
        try:
            json.loads(self.text)
            policy = spans(self.text)
        except (ValueError, RecursionError):
            raise _unreadable() from None
        values = [value for name, _, value in policy.children if name == "Statement"]
        if len(values) != 1:
            raise _unreadable()
        found: Node = values[0]
        return found

    def _with(self, pieces: Sequence[str]) -> "PolicyText":
        """Return the same text around other statements."""
        if pieces == self._pieces:
            return self
        if not pieces:
            return PolicyText()
        inside = _BETWEEN.join(pieces)
        if not self.text:
            return PolicyText(_NEW.format(inside))
        value = self._statement_value
        return PolicyText(f"{self.text[: value.start]}[\n{inside}\n]{self.text[value.end :]}")


def difference(before: PolicyText, after: PolicyText) -> list[str]:
    """Return the changes as lines that begin with ``+``, ``-`` or a space."""
    lines = unified_diff(_lines(before.ours), _lines(after.ours), n=1, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _lines(statements: Iterable[Statement]) -> list[str]:
    return [line for each in statements for line in pretty(each).splitlines()]


def _statement(piece: str) -> Statement:
    found = json.loads(piece)
    if not isinstance(found, dict):
        raise _unreadable()
    return found


def _is_ours(statement: Statement) -> bool:
    return our_name(statement, OUR_STATEMENTS) is not None


def _unreadable() -> MigrationError:
    return MigrationError(
        "The bucket's policy cannot be read: it is not a JSON object with one list of statements. "
        "Nothing was changed; look at it in the console."
    )
