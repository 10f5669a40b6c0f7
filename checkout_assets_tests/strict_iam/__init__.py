"""AWS's rules of who may do what, strictly: what is not known raises, and nothing is ignored."""
