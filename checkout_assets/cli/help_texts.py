"""Text that the help of several commands contains."""

FOLDER_HELP = """\b
FOLDER is a name (0A_CheckoutOrder), a range
(00_CheckoutOrder..0F_CheckoutOrder) or all. Several may be given.

"""
"""Explains the argument FOLDER; a block of its own above the examples."""
