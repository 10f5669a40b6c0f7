"""Find typical errors of copied or templated values: outer spaces, line breaks."""


def odd_characters(text: str, blanks_inside: bool = True) -> str:
    """Return a clause that says which characters are invalid in the text; empty if none are.

    Spaces at either end are invalid, and so are characters that do not print: line breaks, control
    characters, spaces of other widths or of none. Without ``blanks_inside`` every space is invalid.
    """
    if not text.isprintable():
        return "holds a line break or another character that does not print"
    if text != text.strip():
        return "begins or ends with a space"
    return "" if blanks_inside or " " not in text else "contains a space"
