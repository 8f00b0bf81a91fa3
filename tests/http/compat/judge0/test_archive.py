"""Archives of additional files: only small archives of plain files are accepted, in a bounded time."""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.http.compat.judge0.archive import read_archive
from tests.http.compat.judge0.conftest import zip_files

MIB = 1024 * 1024


def create_archive(files: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    return b64decode(zip_files(files, compression))


def create_archive_with_link() -> bytes:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return data.getvalue()


def create_damaged_archive() -> bytes:
    """An archive with one changed byte in a file."""
    data = bytearray(create_archive({"a": "text"}, zipfile.ZIP_STORED))
    data[data.index(b"text")] ^= 1
    return bytes(data)


def create_zip_bomb() -> bytes:
    """An archive that states a size of 1 byte for a file of 8 MiB."""
    data = create_archive({"zeros": b"\0" * (8 * MIB)})
    size = (8 * MIB).to_bytes(4, "little")
    assert data.count(size) == 2
    return data.replace(size, (1).to_bytes(4, "little"))


def test_read_archive_returns_files() -> None:
    files: dict[str, str | bytes] = {"a": b"\xff\0", "sub/deep/b.txt": "text", "./c": ""}
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert read_archive(create_archive(files, compression)) == {"a": b"\xff\0", "sub/deep/b.txt": b"text", "c": b""}


def test_read_archive_ignores_folders() -> None:
    assert read_archive(create_archive({"sub/": "", "sub/a": "1"})) == {"sub/a": b"1"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not a zip", "is not a zip archive"),
        (create_archive({"a": "text"})[:-10], "is not a zip archive"),
        (create_damaged_archive(), "is not a zip archive"),
        (create_archive({"../a": ""}), "plain relative path"),
        (create_archive({"/etc/passwd": ""}), "plain relative path"),
        (create_archive({"a/../../b": ""}), "plain relative path"),
        (create_archive({"-rf": ""}), "plain relative path"),
        (create_archive({"a\nb": ""}), "no control characters"),
        (create_archive({"/".join("abcdefghi"): ""}), "parts"),
        (create_archive({str(n): "" for n in range(65)}), "at most 64 files"),
        (create_archive({f"{n}/": "" for n in range(300)}), "at most 64 files"),
        (create_archive({"zeros": b"\0" * (8 * MIB)}), "bytes unpacked"),
        (create_archive({str(n): b"\0" * MIB for n in range(5)}), "bytes unpacked"),
        (create_zip_bomb(), "is not a zip archive|bytes unpacked"),
        (create_archive_with_link(), "no links"),
        (create_archive({"a": "text"}, zipfile.ZIP_LZMA), "packed with deflate"),
        (create_archive({"a": "text"}, zipfile.ZIP_BZIP2), "packed with deflate"),
        (create_archive({"a": b"\0" * (5 * MIB)}, zipfile.ZIP_STORED), "at most 4194304 bytes"),
    ],
    # Archives contain timestamps, and all pytest-xdist processes have to collect the same ids.
    ids=lambda value: value if isinstance(value, str) else "archive",
)
def test_read_archive_rejects_invalid_archives(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as raised:
        read_archive(data)
    assert raised.value.field == "additional_files"


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_read_archive_accepts_or_rejects_any_damage(data: st.DataObject) -> None:
    archive = bytearray(create_archive({"a": "text", "sub/b": b"\0" * 500}))
    for offset in data.draw(st.lists(st.integers(0, len(archive) - 1), max_size=6)):
        archive[offset] = data.draw(st.integers(0, 255))
    try:
        files = read_archive(bytes(archive))
    except InvalidRequest:
        return
    assert all(isinstance(content, bytes) for content in files.values())
