"""The errors every layer speaks."""


class UsageError(Exception):
    """What was asked for is wrong: one sentence says what, where, and what to do.

    The command line prints it and exits 2; Dagster shows it as the failure's description.
    """


class MigrationError(Exception):
    """What was asked for could not be completed; the sentence says what is not done."""
