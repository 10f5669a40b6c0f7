"""The command line ``checkout-assets``: one module per command, registered in ``main``."""
