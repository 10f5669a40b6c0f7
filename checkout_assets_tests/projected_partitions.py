"""Which partitions Athena computes from a table's properties; written from its user guide alone.

"Supported types for partition projection" and "Set up partition projection". What is not known
here raises an error: a property that Athena would refuse must not pass.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any


class RefusedProjectionError(Exception):
    """Athena would answer with INVALID_TABLE_PROPERTY."""


def partition_locations(table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The values of every projected partition, by its location."""
    parameters = {name.lower(): value for name, value in table["Parameters"].items()}
    if parameters.get("projection.enabled") != "true":
        raise RefusedProjectionError("projection is not enabled")
    columns = [column["Name"] for column in table["PartitionKeys"]]
    template = parameters["storage.location.template"]
    if not template.endswith("/") or not template.startswith("s3://"):
        raise RefusedProjectionError("a location is s3:// and ends in one slash")
    if set(re.findall(r"\$\{(\w+)\}", template)) != set(columns):
        raise RefusedProjectionError("the template has a placeholder for every partition column")
    choices = [_values(column, parameters) for column in columns]
    return {
        _filled(template, dict(zip(columns, values, strict=True))): values
        for values in itertools.product(*choices)
    }


def _values(column: str, parameters: Mapping[str, str]) -> Sequence[str]:
    def told(name: str) -> str:
        return parameters.get(f"projection.{column}.{name}", "").strip()

    kind = told("type").lower()
    if kind == "enum":
        # White space is part of an enum's value.
        return parameters[f"projection.{column}.values"].split(",")
    if kind != "integer":
        raise RefusedProjectionError(f"the type {kind} of {column} is not known here")
    first, last = (int(each) for each in told("range").split(","))
    step, digits = int(told("interval") or 1), int(told("digits") or 0)
    return [f"{number:0{digits}d}" for number in range(first, last + 1, step)]


def _filled(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], template)
