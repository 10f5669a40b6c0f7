"""What requests need, as S3's reference of actions has it."""

import pytest

from checkout_assets_tests.fault_proxy import Request
from checkout_assets_tests.strict_iam.s3_requests import UnknownRequestError, needs

COPY = {"x-amz-copy-source": "/source/a%20b/c%2Fd"}
DELETION = (
    b'<Delete xmlns="x"><Object><Key>k/1&amp;2</Key></Object><Object><Key>k</Key></Object></Delete>'
)


def needed(
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    tags: bool = False,
) -> list[str]:
    found = needs(Request(method, path, headers or {}, body), lambda *_: tags)
    return [f"{each.action} {each.arn.removeprefix('arn:aws:s3:::')}" for each in found]


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/b/k%2Fl", {}, ["s3:GetObject b/k/l"]),
        ("HEAD", "/b/k", {}, ["s3:GetObject b/k"]),
        ("GET", "/b/k?tagging", {}, ["s3:GetObjectTagging b/k"]),
        ("HEAD", "/b", {}, ["s3:ListBucket b"]),
        ("GET", "/b?list-type=2&prefix=p%2F", {}, ["s3:ListBucket b"]),
        ("GET", "/b?policy", {}, ["s3:GetBucketPolicy b"]),
        ("PUT", "/b?policy", {}, ["s3:PutBucketPolicy b"]),
        ("DELETE", "/b?policy", {}, ["s3:DeleteBucketPolicy b"]),
        ("DELETE", "/b/k", {}, ["s3:DeleteObject b/k"]),
        ("PUT", "/b/k", {}, ["s3:PutObject b/k"]),
        ("PUT", "/b/k", {"if-none-match": "*"}, ["s3:PutObject b/k"]),
        ("PUT", "/b/k", {"if-match": '"e"'}, ["s3:PutObject b/k", "s3:GetObject b/k"]),
        ("PUT", "/b/k", COPY, ["s3:PutObject b/k", "s3:GetObject source/a b/c/d"]),
        ("POST", "/b/k?uploads", {}, ["s3:PutObject b/k"]),
        (
            "POST",
            "/b/k?uploads",
            {"x-amz-tagging": "a=b"},
            ["s3:PutObject b/k", "s3:PutObjectTagging b/k"],
        ),
        (
            "PUT",
            "/b/k?partNumber=1&uploadId=u",
            COPY,
            ["s3:PutObject b/k", "s3:GetObject source/a b/c/d"],
        ),
        ("POST", "/b/k?uploadId=u", {}, ["s3:PutObject b/k"]),
        (
            "POST",
            "/b/k?uploadId=u",
            {"if-match": '"e"'},
            ["s3:PutObject b/k", "s3:GetObject b/k"],
        ),
        (
            "PUT",
            "/b/k",
            {**COPY, "if-match": '"e"'},
            ["s3:PutObject b/k", "s3:GetObject b/k", "s3:GetObject source/a b/c/d"],
        ),
        ("DELETE", "/b/k?uploadId=u", {}, ["s3:AbortMultipartUpload b/k"]),
    ],
)
def test_needs_of_requests(
    method: str, path: str, headers: dict[str, str], expected: list[str]
) -> None:
    assert needed(method, path, headers) == expected


def test_a_copy_takes_tags_along_if_there_are_any() -> None:
    assert needed("PUT", "/b/k", COPY, tags=True)[2:] == [
        "s3:GetObjectTagging source/a b/c/d",
        "s3:PutObjectTagging b/k",
    ]


def test_a_deletion_of_many_needs_each() -> None:
    found = needed("POST", "/b?delete", body=DELETION)
    assert found == ["s3:DeleteObject b/k/1&2", "s3:DeleteObject b/k"]


def test_a_listing_tells_its_prefix_and_delimiter_only_if_they_were_given() -> None:
    def listing(query: str) -> object:
        (need,) = needs(Request("GET", f"/b?list-type=2{query}", {}), lambda *_: False)
        return need.listing

    assert listing("&prefix=&delimiter=%2F") == {"s3:prefix": "", "s3:delimiter": "/"}
    assert listing("") == {}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("PUT", "/b", {}),
        ("GET", "/b?versions", {}),
        ("PUT", "/b/k?tagging", {}),
        ("GET", "/b/k?versionId=v", {}),
        ("PUT", "/b/k", {"x-amz-acl": "private"}),
        ("PUT", "/b/k", {"x-amz-tagging": "a=b"}),
        ("PUT", "/b/k", {"x-amz-copy-source": "/s/k?versionId=v"}),
    ],
)
def test_an_unknown_request_raises(method: str, path: str, headers: dict[str, str]) -> None:
    with pytest.raises(UnknownRequestError):
        needed(method, path, headers)
