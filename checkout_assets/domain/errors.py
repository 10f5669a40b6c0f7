"""The errors every layer speaks.

Each carries a failure, by which whoever runs this elsewhere decides whether to try it again.
"""

from spark_jobs.contract.failures import Failure

WRONG_USAGE = Failure("WrongUsage")
NOT_COMPLETED = Failure("NotCompleted", transient=True)


class UsageError(Exception):
    """What was asked for is wrong: one sentence says what, where, and what to do.

    The command line prints it and exits 2; Dagster shows it as the failure's description.
    """

    def __init__(self, sentence: str, failure: Failure = WRONG_USAGE) -> None:
        super().__init__(sentence)
        self.failure = failure


class MigrationError(Exception):
    """What was asked for could not be completed; the sentence says what is not done."""

    def __init__(self, sentence: str, failure: Failure = NOT_COMPLETED) -> None:
        super().__init__(sentence)
        self.failure = failure
