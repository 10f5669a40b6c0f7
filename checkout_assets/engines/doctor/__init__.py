"""The checks of ``doctor``: each reads one thing, changes nothing and never raises."""
