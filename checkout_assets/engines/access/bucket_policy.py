"""Read and change the policy of one bucket without losing anybody else's change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from checkout_assets.domain.access.policy_text import PolicyText, difference
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.access.refusals import told_plainly
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.failed_requests import code_of

MOST_WRITES = 5
_LEAST_SECONDS, _MOST_SECONDS = 0.2, 1.0

Edit = Callable[[PolicyText], PolicyText]
"""Returns the new policy; a policy that is already as wanted stays the same."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A change to a bucket's policy: the policy before and after."""

    bucket: str
    before: PolicyText
    after: PolicyText

    @property
    def needed(self) -> bool:
        """Whether the policy differs from what is wanted."""
        return self.before.text != self.after.text

    @property
    def lines(self) -> list[str]:
        """Return the difference, as lines of JSON that begin with ``+``, ``-`` or a space.

        JSON escapes everything that is not printable.
        """
        return difference(self.before, self.after)


class BucketPolicy:
    """A bucket's policy, accessed with a client of a principal of the bucket's account.

    With ``owner``, an account id, every request fails unless that account owns the bucket.
    """

    def __init__(self, client: Any, bucket: str, owner: str = "") -> None:
        self._client = client
        self.bucket = bucket
        self._where = {"Bucket": bucket, **({"ExpectedBucketOwner": owner} if owner else {})}

    def read(self) -> PolicyText:
        """Return the current policy; empty if the bucket has none."""
        from botocore.exceptions import ClientError

        with told_plainly("s3:GetBucketPolicy", self._place):
            try:
                return PolicyText(str(self._client.get_bucket_policy(**self._where)["Policy"]))
            except ClientError as error:
                if code_of(error) == "NoSuchBucketPolicy":
                    return PolicyText()
                raise

    def change(self, edit: Edit) -> PolicyChange:
        """Return what the edit would change now; nothing is written."""
        before = self.read()
        return PolicyChange(self.bucket, before, edit(before))

    def settle(self, edit: Edit, clock: Clock) -> bool:
        """Write until the policy reads as wanted; returns whether anything was written.

        S3 has no conditional write of policies. So the edit is applied to the policy that was read
        just before, and the policy is read again after each write. If somebody else wrote in
        between, the edit is applied to their version. An old policy may only be a stale read: it is
        read twice.
        """
        for writes in range(MOST_WRITES):
            if writes:
                clock.sleep(clock.between(_LEAST_SECONDS, _MOST_SECONDS) * writes)
            found = self.change(edit)
            if not found.needed:
                return writes > 0
            self._write(found.after)
            if not self.change(edit).needed:
                return True
        if self.change(edit).needed:
            raise MigrationError(
                f"{self._place} does not keep its policy: someone else writes it at the same time "
                f"and has overwritten {MOST_WRITES} tries. Find out who does, then run the same "
                "command again."
            )
        return True

    def _write(self, policy: PolicyText) -> None:
        if not policy.text:
            with told_plainly("s3:DeleteBucketPolicy", self._place):
                self._client.delete_bucket_policy(**self._where)
            return
        with told_plainly("s3:PutBucketPolicy", self._place):
            self._client.put_bucket_policy(**self._where, Policy=policy.text)

    @property
    def _place(self) -> str:
        return f"the bucket {self.bucket}"
