"""What AWS's libraries are told in the environment of a machine that we launch."""

from spark_jobs.stores.sessions import REGION_VARIABLES


def on_instance(region: str) -> dict[str, str]:
    """The variables of an EC2 instance in that region.

    Its metadata exist but may answer late, under load or just after the boot, and botocore gives
    up after one attempt of one second: AWS SDKs and Tools Reference Guide, "Amazon EC2 instance
    metadata". Elsewhere that is right, since no metadata are there.
    """
    return {
        **dict.fromkeys(REGION_VARIABLES, region),
        "AWS_METADATA_SERVICE_TIMEOUT": "5",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3",
    }
