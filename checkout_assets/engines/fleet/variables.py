"""Environment variables for AWS's libraries on a machine that we launch."""

from spark_jobs.stores.sessions import REGION_VARIABLES


def on_instance(region: str) -> dict[str, str]:
    """Return the variables of an EC2 instance in that region.

    Instance metadata exist but may answer late, under load or just after the boot. botocore gives
    up after one attempt of one second by default: AWS SDKs and Tools Reference Guide, "Amazon EC2
    instance metadata". That default suits machines without metadata.
    """
    return {
        **dict.fromkeys(REGION_VARIABLES, region),
        "AWS_METADATA_SERVICE_TIMEOUT": "5",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3",
    }
