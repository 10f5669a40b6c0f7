"""An instance's metadata may give credentials late: what was set up before that then works."""

from collections.abc import Callable, Iterator

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.aws_setup import check_session
from checkout_assets.engines.ec2.api import ec2_clients
from checkout_assets.engines.emr.api import emr_clients
from checkout_assets.engines.fleet.variables import on_instance
from checkout_assets.engines.locations import principal
from checkout_assets_tests.instance_metadata import InstanceMetadata, instance_metadata
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.store_errors import StoreError
from spark_jobs.stores.base import Blob

KEY = f"{FOLDER}/A/id/1"
ROLE = "arn:aws:iam::222222222222:role/copy-orders"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def metadata(place: OrdersPlace, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstanceMetadata]:
    """An instance whose role has no credentials yet."""
    place.put(KEY)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    with instance_metadata() as served:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", served.url)
        yield served


def test_a_store_that_was_opened_too_early_reads_as_soon_as_there_are_credentials(
    metadata: InstanceMetadata, place: OrdersPlace
) -> None:
    store = place.source.open()
    with pytest.raises(StoreError) as one:
        store.get(KEY)
    ((_, many),) = store.read_many([KEY])
    assert isinstance(many, StoreError)
    assert one.value.failure.transient
    assert many.failure.transient
    metadata.give_credentials()
    assert store.get(KEY).data == b"{}"
    ((_, blob),) = store.read_many([KEY])
    assert isinstance(blob, Blob)
    assert blob.data == b"{}"


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: ec2_clients("us-east-2", NOWHERE).inbound_rules("sg-1"), id="ec2"),
        pytest.param(lambda: emr_clients("us-east-2", NOWHERE).describe("j-1"), id="emr"),
    ],
)
@pytest.mark.usefixtures("metadata")
def test_a_request_that_finds_no_credentials_is_transient_and_was_not_sent(
    ask: Callable[[], object],
) -> None:
    with pytest.raises(AwsRequestError) as refused:
        ask()
    assert refused.value.diagnosis.passes
    assert not refused.value.in_doubt
    assert "no credentials were found" in str(refused.value)


def test_a_role_is_assumed_with_credentials_that_came_late(metadata: InstanceMetadata) -> None:
    """Nothing but the missing credentials stops the request to STS."""
    role = principal(ROLE, region="us-east-2").get_credentials()
    with pytest.raises(Exception, match="Unable to locate credentials"):
        role.get_frozen_credentials()
    metadata.give_credentials()
    with pytest.raises(Exception, match=r"(?i)InvalidClientTokenId|endpoint|connect"):
        role.get_frozen_credentials()


def test_without_any_credentials_the_sentence_says_what_to_set(metadata: InstanceMetadata) -> None:
    with pytest.raises(UsageError, match="No AWS credentials were found") as refused:
        check_session(principal())
    assert refused.value.failure is not None
    assert refused.value.failure.transient
    metadata.give_credentials()
    check_session(principal())


def test_an_instance_waits_longer_for_its_metadata_than_botocore_would(
    metadata: InstanceMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in on_instance("us-east-2").items():
        monkeypatch.setenv(name, value)
    session = principal()._session
    assert metadata.url
    assert session.get_config_variable("metadata_service_timeout") > 1
    assert session.get_config_variable("metadata_service_num_attempts") > 1
