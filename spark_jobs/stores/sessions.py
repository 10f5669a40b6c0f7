"""AWS sessions: the only place that decides how region and credentials are found."""

from __future__ import annotations

from functools import cache
from typing import Any, Callable, Optional

REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The first that is set wins, as in the AWS CLI ("Environment variables to configure the AWS
CLI"); boto3 alone reads only the second."""

_ENTRIES = {"region": ("region", list(REGION_VARIABLES), None, None)}


def new_session(region: str = "", profile: str = "") -> Any:
    """A boto3 session for the current environment; all sessions share the loaded service models.

    ``region`` and ``profile`` take precedence over the environment.
    """
    import boto3

    return boto3.session.Session(
        botocore_session=_core_session(), region_name=region or None, profile_name=profile or None
    )


def assume_role(session: Any, role_arn: str) -> Any:
    """A boto3 session with the role's credentials, which are renewed before they expire."""
    import boto3
    from botocore import credentials

    fetcher = credentials.AssumeRoleCredentialFetcher(
        client_creator=session._session.create_client,
        source_credentials=session.get_credentials(),
        role_arn=role_arn,
        extra_args={"RoleSessionName": "checkout-assets"},
    )

    class Role(credentials.CredentialProvider):
        METHOD = CANONICAL_NAME = "assume-role"

        def load(self) -> Any:
            # The name keeps apart the clients of different roles.
            return credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, role_arn)

    assumed = _core_session()
    assumed.register_component("credential_provider", credentials.CredentialResolver([Role()]))
    return boto3.session.Session(botocore_session=assumed, region_name=session.region_name)


class _LateCredentials:
    """Credentials that no provider has returned yet: each use asks the providers again.

    Instance metadata may return them late. botocore keeps the credentials that a client found when
    it was created, so a client created too early could never sign a request.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        """``load`` asks every provider and returns None if none has credentials."""
        self._load = load
        self._found: Optional[Any] = None

    @property
    def method(self) -> str:
        """The provider that returned them; empty as long as none has."""
        return str(self._found.method) if self._found is not None else ""

    def get_frozen_credentials(self) -> Any:
        """The current credentials; raises NoCredentialsError if no provider has any yet."""
        from botocore.exceptions import NoCredentialsError

        if self._found is None:
            self._found = self._load()
        if self._found is None:
            raise NoCredentialsError
        return self._found.get_frozen_credentials()

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        """A function that reads one property later; botocore asks so for the account id."""
        return lambda: getattr(self.get_frozen_credentials(), name, None)


def _core_session() -> Any:
    import botocore.session

    class Session(botocore.session.Session):  # type: ignore[misc, unused-ignore]
        def get_credentials(self) -> Any:
            ask = super().get_credentials
            return ask() or _LateCredentials(ask)

    session = Session(session_vars=_ENTRIES)
    session.register_component("data_loader", _data_loader())
    return session


@cache
def _data_loader() -> Any:
    """One loader per process: loading a model takes 100 ms, and a process opens many stores."""
    from botocore.loaders import create_loader

    return create_loader()
