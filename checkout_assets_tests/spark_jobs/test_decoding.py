"""Bodies that are not plain UTF-8: what is decoded, what is refused and within which limits."""

import bz2
import codecs
import gzip
import io
import struct
import zipfile
import zlib

import pytest

from spark_jobs.conforming import Rejected, decode, is_encoded
from spark_jobs.conforming.decoding import MOST_UNPACKED_TIMES, Decoded

ORDER = '{"Id": "1-01", "LastChange": "2018-10-31T10:00:00Z", "Status": "ação 😀"}'
PLAIN = ORDER.encode()
GIB = 1024**3
UTF_16 = codecs.BOM_UTF16_LE + ORDER.encode("utf-16-le")


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("1-01", PLAIN)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("stored", "form"),
    [
        (gzip.compress(PLAIN), "gzip"),
        (gzip.compress(PLAIN[:9]) + gzip.compress(b"") + gzip.compress(PLAIN[9:]), "gzip"),
        (gzip.compress(PLAIN) + bytes(512), "gzip"),
        (gzip.compress(PLAIN, compresslevel=0), "gzip"),
        (UTF_16, "utf-16"),
        (codecs.BOM_UTF16_BE + ORDER.encode("utf-16-be"), "utf-16"),
        (codecs.BOM_UTF32_LE + ORDER.encode("utf-32-le"), "utf-32"),
        (codecs.BOM_UTF32_BE + ORDER.encode("utf-32-be"), "utf-32"),
        (gzip.compress(UTF_16), "gzip+utf-16"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_gzip_and_marked_text_are_decoded_by_their_bytes(stored: bytes, form: str) -> None:
    assert is_encoded(stored)
    assert decode(stored, GIB) == Decoded(PLAIN, form)


def test_a_gzip_header_with_a_name_a_comment_and_its_own_checksum_is_read() -> None:
    fields = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x02\x00xy" + b"1-01.json\0" + b"a comment\0"
    checksum = struct.pack("<H", zlib.crc32(fields) & 0xFFFF)
    member = gzip.compress(PLAIN)
    assert decode(fields + checksum + member[10:], GIB) == Decoded(PLAIN, "gzip")


@pytest.mark.parametrize(
    "stored",
    [
        PLAIN,
        codecs.BOM_UTF8 + PLAIN,
        b"",
        b"\x1f",
        ORDER.encode("utf-16-le"),
        zipped(),
        bz2.compress(PLAIN),
        zlib.compress(PLAIN),
        b"\x28\xb5\x2f\xfd\x04\x00",
    ],
)
def test_everything_else_is_left_to_the_rules_of_documents(stored: bytes) -> None:
    assert not is_encoded(stored)


@pytest.mark.parametrize(
    ("stored", "detail"),
    [
        (gzip.compress(PLAIN)[:-1], "gzip ends too early at byte "),
        (gzip.compress(PLAIN)[:12], "gzip ends too early at byte 12"),
        (b"\x1f\x8b", "gzip ends too early at byte 2"),
        (gzip.compress(PLAIN) + gzip.compress(PLAIN)[:5], "gzip ends too early at byte "),
        (b"\x1f\x8b\x07" + gzip.compress(PLAIN)[3:], "gzip is damaged after byte 0"),
        (gzip.compress(PLAIN)[:-8] + bytes(8), "gzip is damaged after byte 0"),
        (gzip.compress(PLAIN) + b"more", "gzip is damaged after byte "),
        (UTF_16 + b"x", "utf-16: truncated data at byte "),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x00\x00", "utf-16: illegal UTF-16 surrogate at byte 2"),
        (codecs.BOM_UTF32_LE + b"\x00\xd8\x00\x00", "utf-32: code point in surrogate"),
    ],
)
def test_what_cannot_be_decoded_is_no_text(stored: bytes, detail: str) -> None:
    rejected = decode(stored, GIB)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "not_utf8"
    assert rejected.detail.startswith(detail)


def test_a_bomb_is_too_large_by_its_ratio() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    most = MOST_UNPACKED_TIMES * len(bomb)
    assert most < 10_000_000
    assert decode(bomb, GIB) == Rejected("too_large", f"unpacked size at byte {most}")


def test_a_body_that_unpacks_to_the_limit_is_decoded_and_one_byte_more_is_too_large() -> None:
    body = b"\n" * 99 + b"{" + bytes(range(256)) * 4
    stored = gzip.compress(body)
    assert decode(stored, len(body)) == Decoded(body, "gzip")
    assert decode(stored, len(body) - 1) == Rejected(
        "too_large", f"unpacked size at byte {len(body) - 1}"
    )


def test_members_add_up_to_the_limit() -> None:
    body = b"one member's bytes"
    stored = gzip.compress(body) * 3
    assert decode(stored, 3 * len(body)) == Decoded(body * 3, "gzip")
    assert isinstance(decode(stored, 3 * len(body) - 1), Rejected)


def test_only_one_layer_of_gzip_is_unpacked() -> None:
    once = gzip.compress(PLAIN)
    assert decode(gzip.compress(once), GIB) == Decoded(once, "gzip")


def test_ten_thousand_members_are_unpacked() -> None:
    assert decode(gzip.compress(b"[]") * 10_000, GIB) == Decoded(b"[]" * 10_000, "gzip")
