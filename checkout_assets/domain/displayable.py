"""Make untrusted names safe to display; each output adds its own escaping.

Object keys and field names may hold terminal escapes, bidirectional overrides or personal data.
"""

import hashlib
import unicodedata

LONGEST_SHOWN = 120
_ELLIPSIS = "…"


def displayable(name: str, longest: int = LONGEST_SHOWN) -> str:
    """Return ``name`` with non-printable characters made visible, cut to ``longest`` characters.

    Control, format (bidirectional marks among them), surrogate, private and unassigned characters
    and line separators become ``\\u{HEX}``. A backslash is doubled, so the result is unambiguous. A
    cut name ends in an ellipsis.
    """
    shown = "".join(_visible(character) for character in name[: longest + 1])
    if len(name) > longest or len(shown) > longest:
        return shown[: longest - 1] + _ELLIPSIS
    return shown


def masked(key: str) -> str:
    """Return a key with its object name hidden: the folder and a short digest that finds it again.

    The digest is of the whole key, so two people can discuss an object without its name.
    """
    folder, slash, _ = key.partition("/")
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{displayable(folder)}/[object {digest}]" if slash else f"[object {digest}]"


def one_line(sentence: str) -> str:
    """Return a sentence on one line: non-printable characters become visible, nothing is cut."""
    return "".join(map(_printing, sentence))


def escape_unencodable(error: UnicodeError) -> tuple[str, int]:
    """Escape what an encoding cannot represent, as above; a codec's error handler."""
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
