"""Archives of every kind of malice: what is not a small tree of plain files is refused, and in a bounded time."""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.http.compat.judge0.archive import read_archive
from tests.http.compat.judge0.conftest import zipped

MIB = 1024 * 1024


def packed(files: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    return b64decode(zipped(files, compression))


def with_link() -> bytes:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return data.getvalue()


def damaged() -> bytes:
    """One byte of what is packed is another."""
    data = bytearray(packed({"a": "text"}, zipfile.ZIP_STORED))
    data[data.index(b"text")] ^= 1
    return bytes(data)


def lying_bomb() -> bytes:
    """Says that it is 1 byte, and is 8 MiB."""
    data = packed({"zeros": b"\0" * (8 * MIB)})
    size = (8 * MIB).to_bytes(4, "little")
    assert data.count(size) == 2
    return data.replace(size, (1).to_bytes(4, "little"))


def test_files_come_out_as_they_went_in() -> None:
    files: dict[str, str | bytes] = {"a": b"\xff\0", "sub/deep/b.txt": "text", "./c": ""}
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert read_archive(packed(files, compression)) == {"a": b"\xff\0", "sub/deep/b.txt": b"text", "c": b""}


def test_folders_are_made_by_their_files() -> None:
    assert read_archive(packed({"sub/": "", "sub/a": "1"})) == {"sub/a": b"1"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not a zip", "is not a zip archive"),
        (packed({"a": "text"})[:-10], "is not a zip archive"),
        (damaged(), "is not a zip archive"),
        (packed({"../a": ""}), "plain relative path"),
        (packed({"/etc/passwd": ""}), "plain relative path"),
        (packed({"a/../../b": ""}), "plain relative path"),
        (packed({"-rf": ""}), "plain relative path"),
        (packed({"a\nb": ""}), "no control characters"),
        (packed({"/".join("abcdefghi"): ""}), "parts"),
        (packed({str(n): "" for n in range(65)}), "at most 64 files"),
        (packed({f"{n}/": "" for n in range(300)}), "at most 64 files"),
        (packed({"zeros": b"\0" * (8 * MIB)}), "bytes unpacked"),
        (packed({str(n): b"\0" * MIB for n in range(5)}), "bytes unpacked"),
        (lying_bomb(), "is not a zip archive|bytes unpacked"),
        (with_link(), "no links"),
        (packed({"a": "text"}, zipfile.ZIP_LZMA), "packed with deflate"),
        (packed({"a": "text"}, zipfile.ZIP_BZIP2), "packed with deflate"),
        (packed({"a": b"\0" * (5 * MIB)}, zipfile.ZIP_STORED), "at most 4194304 bytes"),
    ],
    # An archive knows its moment, and every process that collects these tests has to find the same names.
    ids=lambda value: value if isinstance(value, str) else "archive",
)
def test_anything_else_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as raised:
        read_archive(data)
    assert raised.value.field == "additional_files"


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(packed({"a": "text", "sub/b": b"\0" * 500}))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    try:
        files = read_archive(bytes(whole))
    except InvalidRequest:
        return
    assert all(isinstance(content, bytes) for content in files.values())
