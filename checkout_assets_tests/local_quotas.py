"""vCPU quotas of an account on this machine, read and enforced as AWS documents."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES
from werkzeug.wrappers import Response

from checkout_assets_tests.aws_errors import json_error

ON_DEMAND_CODE, SPOT_CODE = "L-1216C47A", "L-34B43A08"
PLENTY = 5000.0


@dataclass
class LocalQuotas:
    """Values by quota code; a code without one is answered as Service Quotas answers it.

    EC2 User Guide, "Amazon EC2 instance type quotas" and "Spot Instance quotas": EC2 counts the
    vCPUs of running instances, on demand and Spot apart.
    """

    values: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys((ON_DEMAND_CODE, SPOT_CODE), PLENTY)
    )

    def answer(self, asked: Mapping[str, Any]) -> Response:
        """The answer of GetServiceQuota."""
        code = asked["QuotaCode"]
        if asked["ServiceCode"] == "ec2" and code in self.values:
            told = json.dumps({"Quota": {"QuotaCode": code, "Value": self.values[code]}})
            return Response(told, content_type="application/x-amz-json-1.1")
        return json_error("NoSuchResourceException", "The quota has no applied value")

    def exceeded(self, used: Iterable[Mapping[str, int]]) -> str:
        """The code of a quota that all these vCPUs together exceed; empty if there is none."""
        total: Counter[str] = Counter()
        for each in used:
            total.update(each)
        over = (code for code, vcpus in total.items() if vcpus > self.values.get(code, PLENTY))
        return next(over, "")


def vcpus_of(instance_type: str, count: int = 1, spot: bool = False) -> dict[str, int]:
    """By quota code, what so many instances of a type use."""
    vcpus = INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"]
    return {SPOT_CODE if spot else ON_DEMAND_CODE: count * vcpus}
