"""What AWS evaluates for a request to the Glue Data Catalog.

Service Authorization Reference, "Actions, resources, and condition keys for AWS Glue"; AWS Glue
Developer Guide, "Specifying AWS Glue resource ARNs": an operation on a resource needs permission on
it and on all above it, so on the catalog and, for a table, on its database.
"""

from collections.abc import Mapping
from typing import Any

from checkout_assets_tests.strict_iam.evaluation import Ask

_ON_DATABASES = ("CreateDatabase", "GetDatabase")
_ON_TABLES = ("CreateTable", "GetTable", "UpdateTable")


def asks_of_glue(operation: str, sent: Mapping[str, Any], account: str) -> list[Ask]:
    """All that must be allowed; raises KeyError for an operation that is not known here."""
    arn = f"arn:aws:glue:us-east-2:{account}:"
    if operation in _ON_DATABASES:
        about = sent.get("DatabaseInput") or sent
        resources = ["catalog", f"database/{about['Name']}"]
    elif operation in _ON_TABLES:
        database, table = sent["DatabaseName"], (sent.get("TableInput") or sent)["Name"]
        resources = ["catalog", f"database/{database}", f"table/{database}/{table}"]
    else:
        raise KeyError(operation)
    return [Ask(f"glue:{operation}", f"{arn}{resource}") for resource in resources]
