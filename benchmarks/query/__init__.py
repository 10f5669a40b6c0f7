"""The analysts' tables beside the plain ones: ``make bench-query``."""
