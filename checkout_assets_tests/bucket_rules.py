"""AWS's documented rules for buckets with conditions, as rules of a FaultProxy."""

from urllib.parse import parse_qs, unquote, urlsplit

from checkout_assets_tests.fault_proxy import Answer, Request, Rule

_DENIED = Answer(403, "AccessDenied")
_SSE = "x-amz-server-side-encryption"


def requester_pays(bucket: str) -> Rule:
    """The bucket answers 403 to whatever does not say that the requester pays.

    Amazon S3 User Guide, "Downloading objects from Requester Pays buckets"; a copy reads its
    source.
    """

    def rule(request: Request) -> Answer | None:
        source = unquote(request.headers.get("x-amz-copy-source", "")).lstrip("/")
        concerned = bucket in {bucket_of(request), source.partition("/")[0]}
        paid = request.headers.get("x-amz-request-payer") == "requester"
        return _DENIED if concerned and not paid else None

    return rule


def encrypted_writes(bucket: str, encryption: str, kms_key: str = "") -> Rule:
    """The bucket's policy denies s3:PutObject unless the request names this encryption.

    Amazon S3 User Guide, "Protecting data with server-side encryption": the condition keys
    s3:x-amz-server-side-encryption and -aws-kms-key-id. The parts of an upload are not looked at:
    they inherit what the upload was begun with.
    """
    wanted = {_SSE: encryption}
    if kms_key:
        wanted[f"{_SSE}-aws-kms-key-id"] = kms_key

    def rule(request: Request) -> Answer | None:
        if bucket_of(request) != bucket or not makes_object(request):
            return None
        return None if wanted.items() <= request.headers.items() else _DENIED

    return rule


def makes_object(request: Request) -> bool:
    """Whether it is PutObject, CopyObject or CreateMultipartUpload."""
    parts = urlsplit(request.path)
    if not parts.path.lstrip("/").partition("/")[2]:
        return False
    query = parse_qs(parts.query, keep_blank_values=True)
    if request.method == "POST":
        return "uploads" in query
    return request.method == "PUT" and "partNumber" not in query and "tagging" not in query


def bucket_of(request: Request) -> str:
    return urlsplit(request.path).path.lstrip("/").partition("/")[0]
