"""Find what a copied or templated value often contains by mistake: outer spaces, line breaks."""


def odd_characters(text: str, blanks_inside: bool = True) -> str:
    """A clause that says which characters are wrong in the text; empty if none are.

    Wrong are spaces at either end, and characters that do not print: line breaks, control
    characters, spaces of other widths or of none. Without ``blanks_inside`` every space is wrong.
    """
    if not text.isprintable():
        return "holds a line break or another character that does not print"
    if text != text.strip():
        return "begins or ends with a space"
    return "" if blanks_inside or " " not in text else "contains a space"
