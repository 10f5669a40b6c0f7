"""Finds what a copied or templated value often holds by mistake: blanks around it, line breaks."""


def odd_characters(text: str, blanks_inside: bool = True) -> str:
    """A clause that says what the text should not hold; empty if it holds nothing of the kind.

    Odd are blanks at either end, and characters that do not print: line breaks, control
    characters, blanks of other widths or of none. Without ``blanks_inside`` every blank is.
    """
    if not text.isprintable():
        return "holds a line break or another character that does not print"
    if text != text.strip():
        return "begins or ends with a blank"
    return "" if blanks_inside or " " not in text else "holds a blank"
