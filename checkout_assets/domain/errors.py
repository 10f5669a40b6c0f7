"""The errors that all layers raise.

Each carries a failure, by which the caller decides whether to retry.
"""

from spark_jobs.contract.failures import Failure

WRONG_USAGE = Failure("WrongUsage")
NOT_COMPLETED = Failure("NotCompleted", transient=True)


class UsageError(Exception):
    """The request or configuration is wrong: one sentence says what, where, and what to do.

    The command line prints it and exits with 2; Dagster shows it as the failure's description.
    """

    def __init__(self, sentence: str, failure: Failure = WRONG_USAGE) -> None:
        super().__init__(sentence)
        self.failure = failure


class MigrationError(Exception):
    """The request could not be completed; the sentence says what is not done."""

    def __init__(self, sentence: str, failure: Failure = NOT_COMPLETED) -> None:
        super().__init__(sentence)
        self.failure = failure
