"""Policies without one of their parts, to find parts that nothing needs."""

from collections.abc import Callable, Iterator, Sequence

from checkout_assets_tests.strict_iam.evaluation import Document
from checkout_assets_tests.strict_iam.strict_s3 import StrictS3


def smaller(statement: Document) -> Iterator[tuple[str, Document | None]]:
    """The statement without one action, resource or prefix; None if it has only one."""
    for element in ("Action", "Resource"):
        for value in statement[element]:
            left = [each for each in statement[element] if each != value]
            yield value, {**statement, element: left} if left else None
    for operator, keys in statement.get("Condition", {}).items():
        for value in keys.get("s3:prefix", ()):
            left = [each for each in keys["s3:prefix"] if each != value]
            condition = {**statement["Condition"], operator: {**keys, "s3:prefix": left}}
            yield value, {**statement, "Condition": condition} if left else None


def without_one(statements: list[Document]) -> Iterator[tuple[str, list[Document]]]:
    """The statements, made smaller in every way there is, and what was taken away."""
    for number, statement in enumerate(statements):
        for what, left in smaller(statement):
            rest = [left] if left else []
            name = f"{statement['Sid']} {what}"
            yield name, [*statements[:number], *rest, *statements[number + 1 :]]


def needless_of_roles(
    strict: StrictS3, roles: Sequence[str], about: Callable[[Document], bool] = lambda _: True
) -> list[str]:
    """What could be taken from the roles' policies, and all would be answered that is now.

    Only statements that are ``about`` something count.
    """
    asked = strict.kinds_asked()
    refused = strict.would_refuse(asked)
    needless, questions = [], [each for each in asked if each not in refused]
    for role in roles:
        own = strict.roles[role].policies["own"]
        for what, statements in without_one(own["Statement"]):
            strict.roles[role].policies["own"] = {**own, "Statement": statements}
            gone = [s for s in own["Statement"] if s not in statements]
            if all(map(about, gone)) and not strict.would_refuse(questions):
                needless.append(f"{role}: {what}")
        strict.roles[role].policies["own"] = own
    return needless
