"""What to do about each link of the chain that failed."""

from collections.abc import Mapping
from types import MappingProxyType

from checkout_assets.domain.canary import Link

REMEDIES: Mapping[Link, str] = MappingProxyType(
    {
        Link.IDENTITY: "Set AWS_PROFILE to a principal of the account in which the work is done.",
        Link.SOURCE: "Grant access (checkout-assets access grant), or name another folder.",
        Link.LAUNCH: "Run checkout-assets doctor without --canary: it checks packages, network, "
        "roles and quotas.",
        Link.WORKER: "Check the route to S3 of the subnet, the instance profile and the package.",
        Link.COPIED: "Compare the copy role, bucket policies and KMS keys with checkout-assets "
        "access show.",
        Link.REPORTS: "Check the worker role's right to write below CHECKOUT_EC2_FLEET_URI.",
        Link.PROOF: "Check whether something else writes to raw.",
        Link.INSTANCE_ENDED: "Allow ec2:TerminateInstances. Terminate it in the console; it ends "
        "itself 40 minutes after its launch.",
        Link.CLUSTER: "Check the EMR service role, the nodes' role, the subnet and quotas.",
        Link.STEP: "Compare the structure role's rights in raw and lake with checkout-assets "
        "access show, and read the step's log.",
        Link.ROWS: "Check whether something else writes to the lake.",
        Link.CLUSTER_ENDED: "Allow elasticmapreduce:TerminateJobFlows. Terminate it in the "
        "console: it ends itself ten minutes after its step, but never while the step runs.",
        Link.REMOVED: "Allow s3:DeleteObject below _canary/ in raw and lake, and below "
        "runs/canary-*; the next canary removes what is left after two hours.",
    }
)
