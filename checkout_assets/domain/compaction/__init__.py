"""The analysts' tables: their months, and whether a month is up to date."""
