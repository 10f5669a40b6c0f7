"""One supervised run on machines of its own, whatever service the machines come from."""
