"""The packaged job in S3, which the steps of a cluster name."""

from checkout_assets.engines.emr.options import JobPackage
from checkout_assets.packaging.contents import Role
from checkout_assets.packaging.stored import PackagePlace

_OF_EACH_JOB = (Role.SPARK_CODE, Role.SPARK_DEPENDENCIES)


def job_package(place: PackagePlace, script_role: Role = Role.SPARK_SCRIPT) -> JobPackage:
    """Return the package's job with that script; raises UsageError if a file is missing."""
    package, root = place.provide((*_OF_EACH_JOB, script_role)), place.uri.rstrip("/")
    script = package.find(script_role, place.architecture)
    return JobPackage(
        f"{root}/{script.name}", tuple(package.spark_options(root, place.architecture))
    )
