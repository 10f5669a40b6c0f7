"""Text in the help of several commands."""

FOLDER_HELP = """\b
FOLDER is a name (0A_CheckoutOrder), a range
(00_CheckoutOrder..0F_CheckoutOrder) or all. Several may be given.

"""
"""Explains the argument FOLDER, in a separate block above the examples."""
