"""The command line ``checkout-assets``: one module a command, registered in main."""
