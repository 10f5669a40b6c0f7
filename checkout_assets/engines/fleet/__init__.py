"""One supervised run on machines of its own, from any service that provides machines."""
