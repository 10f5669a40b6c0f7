"""The S3 server with AWS's rules for accounts, roles, bucket policies and keys, and with a clock.

Policies of buckets lie in the S3 server, where the code under test puts them by S3's own requests.
A session is known by its access key; signatures are the S3 server's business, not looked at here.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import boto3
from botocore.exceptions import ClientError

from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request, Rule
from checkout_assets_tests.strict_iam.evaluation import Ask, Caller, Document, Owner, allowed
from checkout_assets_tests.strict_iam.s3_requests import Need, UnknownRequestError, needs

VERSION = "2012-10-17"
_ACCESS_KEY = re.compile(r"Credential=([^/]+)/")
_DENIED = Answer(403, "AccessDenied")
_ON_KEY = {"s3:GetObject": ["kms:Decrypt"], "s3:PutObject": ["kms:GenerateDataKey"]}
_ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>id</AssumedRoleId>
</AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""


PolicyOf = Callable[[str], Document | None]
"""The policy of a bucket."""


@dataclass
class Role:
    """A role: its own policies by name, and the roles that may assume it."""

    arn: str
    policies: dict[str, Document] = field(default_factory=dict)
    trusts: Sequence[str] = ()


@dataclass(frozen=True)
class Key:
    """A KMS key, the account it belongs to, and its policy."""

    arn: str
    policy: Document

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]


@dataclass(frozen=True)
class Question:
    """One decision: a role's request to a bucket or a key, by its name."""

    role: str
    ask: Ask
    bucket: str = ""
    key: str = ""

    @property
    def kind(self) -> tuple[str, ...]:
        """Equal for decisions that differ only in time."""
        said = {name: each for name, each in self.ask.context.items() if "time" not in name}
        return (self.role, self.key, self.ask.action, self.ask.resource, str(sorted(said.items())))


class StrictS3:
    """Answers for S3 and STS; ``asked`` holds all questions, ``refused`` those that were denied.

    ``ahead`` is how far the clock of conditions is ahead, ``secure`` whether connections count as
    encrypted: here none is. ``also`` sees each request that was allowed.
    """

    def __init__(self, upstream: str) -> None:
        self.accounts: dict[str, str] = {}
        self.keys: dict[str, Key] = {}
        self.ahead = timedelta()
        self.secure = True
        self.asked: list[Question] = []
        self.refused: list[Question] = []
        self.unknown: list[str] = []
        self.also: Rule = lambda _: None
        self._upstream = upstream
        self._serving = ExitStack()
        self.roles: dict[str, Role] = {}
        self._sessions: dict[str, str] = {}
        # Not an account's: it asks the server behind for what policies depend on.
        self._inside: Any = boto3.client("s3", endpoint_url=upstream)

    @contextmanager
    def serving(self) -> Iterator["StrictS3"]:
        """Serve; raises AssertionError at the end if something came that nobody knows."""
        with self._serving:
            yield self
        assert not self.unknown, self.unknown

    def role(self, arn: str, statements: Sequence[Document], trusts: Sequence[str] = ()) -> Role:
        """Make a role, or make it anew, with these statements of its own."""
        document = {"Version": VERSION, "Statement": list(statements)}
        made = Role(arn, {"own": document} if statements else {}, trusts)
        self.roles[arn] = made
        return made

    def session(self, role: str) -> dict[str, str]:
        """The AWS variables of a new session of that role.

        Each session has a port of its own: clients are shared by those of one endpoint.
        """
        proxy = FaultProxy(self._upstream)
        proxy.rule = self._rule
        self._serving.enter_context(proxy.serving())
        return {
            "AWS_ACCESS_KEY_ID": self._new_session(role),
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
            "AWS_ENDPOINT_URL_S3": proxy.endpoint_url,
            "AWS_ENDPOINT_URL_STS": proxy.endpoint_url,
        }

    def _new_session(self, role: str) -> str:
        key = f"ASIA{len(self._sessions):016d}"
        self._sessions[key] = role
        return key

    def _rule(self, request: Request) -> Answer | None:
        found = _ACCESS_KEY.search(request.headers.get("authorization", ""))
        role = self._sessions.get(found[1]) if found else None
        if role is None:
            return Answer(403, "InvalidAccessKeyId")
        try:
            return self._judge(request, self._caller(role))
        except Exception as error:
            # On a server's thread: it must be heard in the test.
            self.unknown.append(f"{type(error).__name__}: {error}")
            return Answer(501, "NotImplemented")

    def _caller(self, role: str) -> Caller:
        return Caller(role, list(self.roles[role].policies.values()))

    def _judge(self, request: Request, caller: Caller) -> Answer | None:
        if request.method == "POST" and request.path == "/":
            return self._assume(request, caller)
        wanted = needs(request, self._has_tags)
        refused = [each for each in wanted if not self._may(caller, each)]
        if not refused:
            return self.also(request)
        if wanted[0].action == "s3:DeleteObject" and request.method == "POST":
            return _deletions_denied(refused)
        return _DENIED

    def _may(self, caller: Caller, need: Need) -> bool:
        if not self._may_do(caller, need.action, need):
            return False
        if not all(self._may_use_key(caller, each, need) for each in _ON_KEY.get(need.action, ())):
            return False
        if need.read and not self._exists(need):
            # S3 tells only those that an object is missing who may list the bucket.
            return self._may_do(caller, "s3:ListBucket", Need("", need.bucket))
        return True

    def _may_do(self, caller: Caller, action: str, need: Need) -> bool:
        ask = Ask(action, need.arn, self._context(caller) | dict(need.listing or {}))
        return self._decide(Question(caller.role, ask, bucket=need.bucket), self._policy_of)

    def _may_use_key(self, caller: Caller, action: str, need: Need) -> bool:
        if need.bucket not in self.keys:
            return True
        via = {"kms:viaservice": "s3.us-east-2.amazonaws.com"}
        ask = Ask(action, self.keys[need.bucket].arn, self._context(caller) | via)
        return self._decide(Question(caller.role, ask, key=need.bucket), self._policy_of)

    def kinds_asked(self) -> list[Question]:
        """One question of each kind that was asked."""
        return list({each.kind: each for each in self.asked}.values())

    def would_refuse(self, asked: Sequence[Question]) -> list[Question]:
        """Which of the questions would be denied by the policies as they are now."""
        policy_of = cache(self._policy_of)
        return [each for each in asked if not self._answer(each, policy_of)]

    def _decide(self, question: Question, policy_of: PolicyOf) -> bool:
        yes = self._answer(question, policy_of)
        self.asked.append(question)
        if not yes:
            self.refused.append(question)
        return yes

    def _answer(self, question: Question, policy_of: PolicyOf) -> bool:
        caller, ask = self._caller(question.role), question.ask
        if question.key:
            key = self.keys[question.key]
            return allowed(ask, caller, key.policy, key.account, Owner.KEY)
        if question.bucket:
            account = self.accounts[question.bucket]
            return allowed(ask, caller, policy_of(question.bucket), account)
        trust = _trust_policy(self.roles[ask.resource])
        return allowed(ask, caller, trust, ask.resource.split(":")[4])

    def _context(self, caller: Caller) -> dict[str, str]:
        return {
            "aws:currenttime": (datetime.now(UTC) + self.ahead).isoformat(),
            "aws:principalaccount": caller.account,
            "aws:principalarn": caller.role,
            "aws:securetransport": str(self.secure).lower(),
        }

    def _assume(self, request: Request, caller: Caller) -> Answer:
        asked = {name: each[0] for name, each in parse_qs(request.body.decode()).items()}
        if asked["Action"] != "AssumeRole":
            raise UnknownRequestError(asked["Action"])
        role = self.roles[asked["RoleArn"]]
        ask = Ask("sts:AssumeRole", role.arn, self._context(caller))
        if not self._decide(Question(caller.role, ask), self._policy_of):
            return _DENIED
        told = _ASSUMED.format(
            arn=role.arn,
            key=self._new_session(role.arn),
            expires=(datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds"),
        )
        return Answer(200, content=told)

    def _policy_of(self, bucket: str) -> Document | None:
        try:
            text = self._inside.get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucketPolicy":
                return None
            raise
        policy: Document = json.loads(text)
        return policy

    def _exists(self, need: Need) -> bool:
        try:
            self._inside.head_object(Bucket=need.bucket, Key=need.key)
        except ClientError:
            return False
        return True

    def _has_tags(self, bucket: str, key: str) -> bool:
        try:
            return bool(self._inside.get_object_tagging(Bucket=bucket, Key=key)["TagSet"])
        except ClientError:
            return False


def _trust_policy(role: Role) -> Document:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": list(role.trusts)},
        "Action": "sts:AssumeRole",
        "Resource": "*",
    }
    return {"Version": VERSION, "Statement": [trust]}


def _deletions_denied(refused: Sequence[Need]) -> Answer:
    """S3 answers key by key; here one that is denied keeps the others of the request too."""
    errors = "".join(
        f"<Error><Key>{escape(each.key or '')}</Key><Code>AccessDenied</Code></Error>"
        for each in refused
    )
    return Answer(200, content=f"<DeleteResult>{errors}</DeleteResult>")
