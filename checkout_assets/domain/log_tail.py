"""The end of a job's log, safe to show: bounded, without personal data or secrets."""

import re

from checkout_assets.domain.displayable import displayable, masked

MOST_LINES = 5
LONGEST_LINE = 200

_MASKED = "[…]"
_KEY = re.compile(r"\b[0-9A-F]{2}_(?:Checkout|Fulfillment)Order/[^\s\"',)\]]+")
_MODULE = re.compile(r"No module named '[\w.]+'")
# A line may be as long as the whole tail, so no pattern may scan to its end from every character.
_REST: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[{\[].*"), _MASKED),  # JSON, or the repr of something: an order's content
    (re.compile(r"'[^']*'?|\"[^\"]*\"?"), f"'{_MASKED}'"),
    (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.\w+"), _MASKED),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), _MASKED),
    (re.compile(r"(?<![\w/.])[A-Za-z0-9+/=_-]{40,}"), _MASKED),
    (
        re.compile(r"(?i)((?:signature|token|secret|password)\w{0,200}\s{0,99}[=:]\s*)\S+"),
        rf"\1{_MASKED}",
    ),
    (re.compile(r"\b\d(?:[ -]?\d){11,}\b"), _MASKED),
)


def log_tail(text: str) -> tuple[str, ...]:
    """Return the last informative lines of ``text``, masked; at most MOST_LINES of them."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(_shown(line) for line in lines[-MOST_LINES:])


def _shown(line: str) -> str:
    module = _MODULE.search(line)
    if module:  # the name of a missing module is needed, and is not secret
        return displayable(module[0], LONGEST_LINE)
    kept: dict[str, str] = {}

    def keep(match: re.Match[str]) -> str:
        mark = f"\x00{len(kept)}\x00"
        kept[mark] = masked(match[0])
        return mark

    line = _KEY.sub(keep, line)
    for pattern, replacement in _REST:
        line = pattern.sub(replacement, line)
    for mark, shown in kept.items():
        line = line.replace(mark, shown)
    return displayable(line, LONGEST_LINE)
