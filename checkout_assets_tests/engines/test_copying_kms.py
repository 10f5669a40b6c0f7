"""Bytes whose tags are no MD5s: compared by checksums, or counted, each object for itself."""

import threading

import pytest

from checkout_assets.engines.copying.engine import CopyTerms
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.kms_double import KmsDouble
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

KEYS = [f"{FOLDER}/A/id/{n}" for n in range(5)]
KMS_KEY, OTHER_KEY = KEYS[1], KEYS[3]


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for key in KEYS:
        place.put(key, f"body of {key}".encode())
    return place


def heads(proxy: FaultProxy) -> list[Request]:
    return [r for r in proxy.seen if r.method == "HEAD" and f"{FOLDER}/" in r.path]


def source_and_raw(filled: OrdersPlace, proxy: FaultProxy) -> KmsDouble:
    """A double whose source is encrypted with KMS as a whole, and raw is not."""
    double = KmsDouble(proxy, filled.client, lambda path: f"{filled.source.bucket}/" in path)
    proxy.rule = double.rule
    return double


def test_one_object_under_kms_does_not_hide_other_bytes_of_its_neighbour(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    double = KmsDouble(proxy, filled.client, lambda p: filled.raw.bucket in p and KMS_KEY in p)
    lie = Answer(
        200, content=f"<CopyObjectResult><ETag>{'01' * 16}</ETag></CopyObjectResult>", done=True
    )
    looked = threading.Event()

    def rule(request: Request) -> Answer | None:
        if request.method == "HEAD" and KMS_KEY in request.path:
            looked.set()
        if request.is_copy and OTHER_KEY in request.path:
            looked.wait(5)
            threading.Event().wait(0.2)  # until that answer was understood
            return lie
        return double.rule(request)

    proxy.rule = rule

    copied = filled.copy_one()

    assert "1 of 5 objects could not be copied" in copied.error
    assert "what arrived has another MD5 than what the source lists" in copied.error
    assert copied.facts.uncompared == 1


def test_what_only_its_size_compares_is_counted(filled: OrdersPlace, proxy: FaultProxy) -> None:
    source_and_raw(filled, proxy)

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert copied.facts.uncompared == len(KEYS)
    assert copied.record is not None
    assert copied.record.uncompared == len(KEYS)
    assert len(heads(proxy)) == 2 * len(KEYS)


def test_equal_checksums_are_a_comparison(filled: OrdersPlace, proxy: FaultProxy) -> None:
    source_and_raw(filled, proxy)
    add_checksums(proxy, {})

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert copied.facts.uncompared == 0


def test_other_checksums_are_other_bytes(filled: OrdersPlace, proxy: FaultProxy) -> None:
    source_and_raw(filled, proxy)
    add_checksums(proxy, {OTHER_KEY: "AAAAAAAAAAA="})

    copied = filled.copy_one()

    assert "1 of 5 objects could not be copied (1: what arrived has another" in copied.error
    assert [failure.source_key for failure in copied.failures] == [OTHER_KEY]


def test_checksums_that_may_not_be_seen_are_no_failure(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    """S3 tells checksums only to those who may decrypt the object."""
    double = source_and_raw(filled, proxy)
    denied = Answer(403, "AccessDenied")
    proxy.rule = lambda r: (
        denied if r.method == "HEAD" and "x-amz-checksum-mode" in r.headers else double.rule(r)
    )

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert copied.facts.uncompared == len(KEYS)


def test_what_is_known_to_be_under_kms_is_counted_without_a_look(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = KmsDouble(proxy, filled.client, lambda path: filled.raw.bucket in path).rule

    copied = filled.copy_one(terms=CopyTerms(encryption="aws:kms", kms_key="a-key"))

    assert copied.ok, copied.error
    assert copied.facts.uncompared == len(KEYS)
    assert not heads(proxy)


def test_objects_uploaded_in_parts_are_counted(filled: OrdersPlace, proxy: FaultProxy) -> None:
    filled.put_in_parts(KMS_KEY, b"in parts")
    # S3 copies it in one piece, and then its tag is an MD5.
    proxy.rule = KmsDouble(
        proxy, filled.client, lambda p: filled.raw.bucket in p and KMS_KEY in p
    ).rule

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert copied.facts.uncompared == 1
    assert not heads(proxy)


def test_an_object_that_changes_while_it_is_compared_is_looked_at_again(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    double = source_and_raw(filled, proxy)
    changed: list[str] = []

    def rule(request: Request) -> Answer | None:
        looks = request.method == "HEAD" and filled.source.bucket in request.path
        if looks and OTHER_KEY in request.path and not changed:
            changed.append(filled.put(OTHER_KEY, b"changed at the source"))
        return double.rule(request)

    proxy.rule = rule

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert (copied.facts.newer, copied.facts.listed) == (1, 4)


def add_checksums(proxy: FaultProxy, in_raw: dict[str, str]) -> None:
    """S3 keeps a checksum of each object; of some another one in raw."""
    inner = proxy.rule

    def rule(request: Request) -> Answer | None:
        answer = inner(request)
        if request.method != "HEAD" or f"{FOLDER}/" not in request.path:
            return answer
        answer = answer or proxy.forward(request)
        key = request.path[request.path.index(FOLDER) :]
        told = in_raw.get(key, "crc") if "/raw-" in request.path else "crc"
        return Answer(
            answer.status,
            exact=answer.body,
            headers=(*answer.headers, ("x-amz-checksum-crc64nvme", told)),
        )

    proxy.rule = rule
