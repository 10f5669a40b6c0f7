"""Make names that strangers wrote fit to be shown; each output still escapes at its own edge.

Object keys and field names may hold terminal escapes, bidirectional overrides or personal data.
"""

import hashlib
import unicodedata

LONGEST_SHOWN = 120
_ELLIPSIS = "…"


def displayable(name: str, longest: int = LONGEST_SHOWN) -> str:
    """``name`` with everything that does not print made visible, at most ``longest`` characters.

    Control, format (bidirectional marks among them), surrogate, private and unassigned characters
    and line separators become ``\\u{HEX}``; a backslash is doubled so that the result is
    unambiguous. What is cut ends in an ellipsis.
    """
    shown = "".join(_visible(character) for character in name[: longest + 1])
    if len(name) > longest or len(shown) > longest:
        return shown[: longest - 1] + _ELLIPSIS
    return shown


def masked(key: str) -> str:
    """A key with its object name hidden: the folder and a short digest that finds it again.

    The digest is of the whole key, so two people can speak of the same object without its name.
    """
    folder, slash, _ = key.partition("/")
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{displayable(folder)}/[object {digest}]" if slash else f"[object {digest}]"


def one_line(sentence: str) -> str:
    """A whole sentence on one line: only what does not print is made visible, nothing is cut."""
    return "".join(map(_printing, sentence))


def escape_unencodable(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler: what an encoding cannot hold, escaped as above."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(map(_escaped, lost)), error.end


def _visible(character: str) -> str:
    return "\\\\" if character == "\\" else _printing(character)


def _printing(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "C" or category in {"Zl", "Zp"}:
        return _escaped(character)
    if category == "Zs" and character != " ":
        return _escaped(character)
    return character


def _escaped(character: str) -> str:
    return f"\\u{{{ord(character):X}}}"
