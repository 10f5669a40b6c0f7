"""``plan --inventory``: a plan from what an S3 Inventory lists, and what is refused."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from checkout_assets.cli.main import run
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.inventory_double import FIELDS, MadeInventory, made_inventory, row

FOLDERS = ("0A_CheckoutOrder", "0B_CheckoutOrder")
GB = 1024**3


@pytest.fixture(autouse=True)
def source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", "s3://orders/root")


def orders(*others: dict[str, Any]) -> list[dict[str, Any]]:
    """A document and a side object in the first folder, and other rows."""
    first = f"root/{FOLDERS[0]}"
    return [row(f"{first}/a/id/x", 10), row(f"{first}/side", 5), *others]


def planned(
    capsys: pytest.CaptureFixture[str], manifest: Path | str, *words: str
) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["plan", "--json", "--inventory", str(manifest), *(words or FOLDERS)]) == 0
    return dict(json.loads(capsys.readouterr().out))


def refusal(capsys: pytest.CaptureFixture[str], manifest: Path | str, *words: str) -> str:
    capsys.readouterr()
    assert run(["plan", "--inventory", str(manifest), *(words or FOLDERS)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("Error: ")


@pytest.mark.parametrize("file_format", ["CSV", "Parquet"])
def test_current_objects_are_counted_by_folder(
    file_format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = f"root/{FOLDERS[0]}"
    made = made_inventory(
        file_format,
        orders(
            row(f"{folder}/a/id/x", 70, IsLatest=False, VersionId="v0"),
            row(f"{folder}/gone/id/y", None, IsDeleteMarker=True),
            row(f"{folder}/gone/id/y", 80, IsLatest=False),
        ),
        [
            row(f"{folder}/a b+c/id/é%2F", 7),
            row(f"root/{FOLDERS[0]}X/a/id/x", 100),
            row(f"{FOLDERS[0]}/a/id/x", 100),
            row("root/E9_FulfillmentOrder/a/id/x", 100),
        ],
    )
    document = planned(capsys, made.lay_out(tmp_path))
    assert (document["objects"], document["bytes"], document["documents"]) == (3, 22, 2)
    assert document["missing_folders"] == [FOLDERS[1]]
    assert document["inventory"]["taken_at"] == "2026-11-22T01:00:00+00:00"
    assert document["inventory"]["elsewhere"] == 3
    assert [each["stage"] for each in document["estimates"]] == ["copy"] * 3 + ["structure"] * 3


@pytest.mark.parametrize("file_format", ["CSV", "Parquet"])
def test_what_an_inventory_knows_of_objects_is_told(
    file_format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = f"root/{FOLDERS[0]}"
    made = made_inventory(
        file_format,
        orders(
            row(f"{folder}/b/id/1", StorageClass="GLACIER"),
            row(f"{folder}/b/id/2", StorageClass="DEEP_ARCHIVE"),
            row(f"{folder}/b/id/3", StorageClass="GLACIER_IR"),  # can be read at once
            row(
                f"{folder}/b/id/4",
                StorageClass="INTELLIGENT_TIERING",
                IntelligentTieringAccessTier="ARCHIVE",
            ),
            row(
                f"{folder}/b/id/5",
                StorageClass="INTELLIGENT_TIERING",
                IntelligentTieringAccessTier="FREQUENT",
            ),
            row(f"{folder}/b/id/6", IsMultipartUploaded=True),
            row(f"{folder}/b/id/7", EncryptionStatus="SSE-C"),
            row(f"{folder}/b/id/8", EncryptionStatus="SSE-KMS"),
        ),
    )
    manifest = made.lay_out(tmp_path)
    document = planned(capsys, manifest)
    assert document["archived"] == {
        "GLACIER": 1,
        "DEEP_ARCHIVE": 1,
        "INTELLIGENT_TIERING, ARCHIVE": 1,
    }
    assert document["inventory"]["in_parts"] == 1
    assert document["inventory"]["encryptions"] == {"SSE-S3": 8, "SSE-C": 1, "SSE-KMS": 1}
    assert run(["plan", "--inventory", str(manifest), *FOLDERS]) == 0
    told = capsys.readouterr().out
    for line in (
        "Archived (GLACIER): 1 object.",
        "Archived (INTELLIGENT_TIERING, ARCHIVE): 1 object.",
        f"No object is in 1 folder: {FOLDERS[1]}.",
        "By an S3 Inventory of 2026-11-22 01:00 UTC",
        "1 object was uploaded in parts",
        "SSE-C: 1 object. They cannot be copied",
        "SSE-KMS: 1 object.",
    ):
        assert line in told


def test_keys_of_a_csv_file_are_decoded_before_they_are_compared_with_the_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A space is a plus in them."""
    made = made_inventory("CSV", [row(f"old orders/é/{FOLDERS[0]}/a/id/x", 9)])
    words = ("--source", "s3://orders/old orders/é", *FOLDERS)
    document = planned(capsys, made.lay_out(tmp_path), *words)
    assert (document["objects"], document["bytes"]) == (1, 9)


def test_an_object_with_the_name_of_a_folder_is_not_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_inventory("CSV", orders(row(f"root/{FOLDERS[0]}", 100)))
    document = planned(capsys, made.lay_out(tmp_path))
    assert (document["bytes"], document["inventory"]["elsewhere"]) == (15, 1)


@pytest.mark.parametrize("tier", ["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS", "DEEP_ARCHIVE"])
def test_each_archive_tier_is_told(
    tier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiered = {"StorageClass": "INTELLIGENT_TIERING", "IntelligentTieringAccessTier": tier}
    made = made_inventory("CSV", orders(row(f"root/{FOLDERS[0]}/b/id/1", **tiered)))
    document = planned(capsys, made.lay_out(tmp_path))
    assert document["archived"] == {f"INTELLIGENT_TIERING, {tier}": 1}


def test_an_encryption_that_is_not_known_is_told_without_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = row(f"root/{FOLDERS[0]}/b/id/1", EncryptionStatus="\x1b[31mred")
    document = planned(capsys, made_inventory("CSV", orders(odd)).lay_out(tmp_path))
    assert document["inventory"]["encryptions"] == {"SSE-S3": 2, "other": 1}


@pytest.mark.parametrize("beside", [".", "data"])
def test_a_local_manifest_may_have_its_files_beside_it(
    beside: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = made_inventory("CSV", orders()).lay_out(tmp_path)
    (tmp_path / "data").rename(tmp_path / "moved")
    for file in (tmp_path / "moved").iterdir():
        target = manifest.parent / beside / file.name
        target.parent.mkdir(exist_ok=True)
        file.rename(target)
    assert planned(capsys, manifest)["objects"] == 2


def test_an_object_under_kms_costs_two_more_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its tag is no MD5, so copying asks both sides for headers."""
    key = f"root/{FOLDERS[0]}/b/id/1"

    def reads(name: str, **others: Any) -> int:
        made = made_inventory("CSV", orders(row(key, **others)))
        document = planned(capsys, made.lay_out(tmp_path / name))
        return int(document["estimates"][0]["requests"]["reads"])

    plain = reads("plain")
    for kms in ("SSE-KMS", "DSSE-KMS"):
        assert reads(kms, EncryptionStatus=kms) == plain + 2
    assert reads("parts", EncryptionStatus="SSE-KMS", IsMultipartUploaded=True) == plain


def test_fields_that_an_inventory_lacks_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_inventory("CSV", orders(), fields=("Bucket", "Key", "Size"))
    manifest = made.lay_out(tmp_path)
    document = planned(capsys, manifest)
    lacking = ["StorageClass", "IsMultipartUploaded", "EncryptionStatus"]
    assert document["inventory"]["lacking"] == lacking
    assert run(["plan", "--inventory", str(manifest), *FOLDERS]) == 0
    assert f"It does not have {', '.join(lacking)}" in capsys.readouterr().out


def test_an_inventory_in_s3_is_read_where_its_manifest_says(
    proxy: FaultProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    client = boto3.client("s3")
    client.create_bucket(
        Bucket="inventories", CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    uri = made_inventory("Parquet", orders(), orders()).upload(client)
    proxy.seen.clear()
    assert planned(capsys, uri)["objects"] == 4
    assert all("/inventories" in each.path for each in proxy.seen)
    assert {each.method for each in proxy.seen} <= {"GET", "HEAD"}
    missing = refusal(capsys, uri.replace("manifest.json", "manifest"))
    assert f"there is no {uri.removesuffix('.json')}" in missing


def test_the_files_of_a_manifest_that_was_copied_are_read_where_it_says(
    aws: EmbeddedS3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aws.endpoint_url
    client = boto3.client("s3")
    for bucket in ("first-store", "second-store"):
        client.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
        )
    made = made_inventory("CSV", orders(), store="first-store")
    made.upload(client)
    body = json.dumps(made.manifest).encode()
    client.put_object(Bucket="second-store", Key="manifest.json", Body=body)
    assert planned(capsys, "s3://second-store/manifest.json")["objects"] == 2


def test_a_file_that_is_missing_in_s3_is_named(
    aws: EmbeddedS3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aws.endpoint_url
    client = boto3.client("s3")
    client.create_bucket(
        Bucket="other-store", CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    made = made_inventory("CSV", orders(), store="other-store")
    uri = MadeInventory(made.manifest, {}).upload(client)
    assert "there is no s3://other-store/inv/orders/all/data/0.csv.gz" in refusal(capsys, uri)


def of_bucket(made: MadeInventory) -> None:
    made.manifest["sourceBucket"] = "others"


def without(name: str) -> Callable[[MadeInventory], None]:
    return lambda made: made.manifest.pop(name)


def with_value(name: str, value: Any) -> Callable[[MadeInventory], None]:
    return lambda made: made.manifest.update({name: value})


def with_file(**values: Any) -> Callable[[MadeInventory], None]:
    return lambda made: made.manifest["files"][0].update(values)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (of_bucket, "it is of the bucket others, and the source is s3://orders/root"),
        (with_value("fileFormat", "ORC"), "its files are ORC, which is not supported"),
        (with_value("fileFormat", "XML\x1b[31m"), r"its fileFormat is XML\u{1B}[31m"),
        (with_value("fileFormat", 7), "its fileFormat is missing"),
        (without("fileSchema"), "its fileSchema is missing"),
        (without("files"), "its list of files is missing or empty"),
        (with_value("files", []), "its list of files is missing or empty"),
        (with_value("files", [7]), "one of its files has no key"),
        (with_file(MD5checksum="0" * 32), "is not the one it names"),
        (with_file(MD5checksum="x"), "is not an MD5"),
        (with_file(key="../../../etc/passwd"), "its file passwd is neither beside it"),
        (with_value("creationTimestamp", "soon"), "its creationTimestamp is not a time"),
        (with_value("creationTimestamp", "9" * 40), "its creationTimestamp is not a time"),
        (with_value("destinationBucket", "a/b"), "is not the name or ARN of a bucket"),
        (with_value("fileSchema", "Bucket, Size"), "its fileSchema has no column Key"),
        (with_value("fileSchema", "Bucket, Key"), "add the field Size"),
        (with_value("fileSchema", "Bucket, Key, VersionId, Size"), "which are the latest"),
        (with_value("fileSchema", f"{', '.join(FIELDS)}, More"), "not as the manifest says"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_one_sentence(
    spoil: Callable[[MadeInventory], None],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = made_inventory("CSV", orders())
    spoil(made)
    line = refusal(capsys, made.lay_out(tmp_path))
    assert line.startswith(f"The inventory {tmp_path}")
    assert said in line


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"7", b"[" * 100_000, b"\xff\xfe", b"Bucket,Key\n", b'{"a": 1}'],
    ids=["empty", "a list", "a number", "too deep", "not text", "CSV", "something else"],
)
def test_another_file_than_a_manifest_is_one_sentence(
    text: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "manifest.json"
    file.write_bytes(text)
    assert "name its manifest.json" in refusal(capsys, file)


@pytest.mark.parametrize("file_format", ["CSV", "Parquet"])
@pytest.mark.parametrize("kept", [0, 10, -10])
def test_a_damaged_file_is_one_sentence(
    file_format: str, kept: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the MD5 of what is left: only reading shows the damage."""
    made = made_inventory(file_format, orders())
    (key,) = made.files
    damaged = made.files[key][:kept]
    spoiled = with_md5(made, key, damaged)
    line = refusal(capsys, spoiled.lay_out(tmp_path))
    assert "it is damaged, or not as the manifest says" in line


@pytest.mark.parametrize(
    "line",
    [
        '"orders","root/0A_CheckoutOrder/a/id/x"',
        '"orders","root/0A_CheckoutOrder/a/id/x","-1"',
        '"orders","root/0A_CheckoutOrder/a/id/x","1e3"',
        '"orders","root/0A_CheckoutOrder/a/id/x",""',
        f'"orders","root/0A_CheckoutOrder/a/id/x","{"9" * 5000}"',
        '"orders","root/0A_CheckoutOrder/a/id/x","٣"',
        '"orders","","1"',
        f'"orders","{"x" * 200_000}","1"',
        '"orders","root/0A_CheckoutOrder/a/id/\0","1"\n"',
    ],
    ids=range(9),
)
def test_a_row_that_is_not_one_is_one_sentence(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_inventory("CSV", orders(), fields=("Bucket", "Key", "Size"))
    (key,) = made.files
    spoiled = with_md5(made, key, gzip.compress(line.encode()))
    assert "it is damaged, or not as the manifest says" in refusal(
        capsys, spoiled.lay_out(tmp_path)
    )


def with_md5(made: MadeInventory, key: str, data: bytes) -> MadeInventory:
    """The same with other bytes of a file, whose MD5 the manifest names."""
    with_file(MD5checksum=hashlib.md5(data).hexdigest())(made)
    return MadeInventory(made.manifest, {key: data})


def test_an_inventory_of_other_folders_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = made_inventory("CSV", orders()).lay_out(tmp_path)
    line = refusal(capsys, manifest, "FF_CheckoutOrder")
    assert "it lists no object of these folders below s3://orders/root: check --source" in line


def test_without_a_source_folders_lie_at_the_top(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHECKOUT_SOURCE_URI")
    made = made_inventory("CSV", [row(f"{FOLDERS[0]}/a/id/x", 3)])
    assert planned(capsys, made.lay_out(tmp_path))["bytes"] == 3


def test_numbers_by_hand_do_not_go_with_an_inventory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = made_inventory("CSV", orders()).lay_out(tmp_path)
    line = refusal(capsys, manifest, "--objects", "7")
    assert line == "--inventory counts itself: leave out --objects and --bytes."
