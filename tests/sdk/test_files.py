"""Files by reference with both clients."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.files import StoredFile
from tests.http.gateway import Gateway, running_gateway
from tests.sdk.conftest import OpenClient, call, events

DATA = bytes(range(256)) * 9000


@pytest.fixture
async def gateway(redis_url: str, namespace: str) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, namespace) as started:
        yield started


def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


async def test_file_is_uploaded_with_progress_and_downloaded(
    gateway: Gateway, open_client: OpenClient, tmp_path: Path
) -> None:
    client, path, progress = open_client(url(gateway)), tmp_path / "data.bin", list[int]()
    path.write_bytes(DATA)
    file = await call(client.upload, path, on_progress=progress.append)
    assert (file.name, file.size_bytes) == ("data.bin", len(DATA))
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0, len(DATA))
    assert b"".join([piece async for piece in events(client.download(file.file_id))]) == DATA


async def test_file_without_a_known_size_is_uploaded(gateway: Gateway, open_client: OpenClient) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    assert (await call(open_client(url(gateway)).upload, Pipe(DATA))).size_bytes == len(DATA)


async def test_job_refers_to_files(gateway: Gateway, open_client: OpenClient) -> None:
    client = open_client(url(gateway))
    file = await call(client.upload, b"print(1)", name="main.py")
    tests = [{"stdin": file, "expected_output": {"file_id": file.file_id}}]
    job = await call(client.submit, "python", files={"main.py": file, "data": file}, stdin=file, tests=tests)
    spec = gateway.record(job.id).spec
    assert spec is not None
    stored = [
        *(source.content for source in spec.files),
        spec.stdin,
        spec.tests[0].stdin,
        spec.tests[0].expected_output,
    ]
    assert {item.file_id for item in stored if isinstance(item, StoredFile)} == {file.file_id}
    assert len(stored) == 5


async def test_files_of_the_key_are_listed_and_deleted(gateway: Gateway, open_client: OpenClient) -> None:
    client = type(open_client(url(gateway)))(url(gateway), api_key=(await gateway.create_key())["key"])
    first, second = await call(client.upload, b"1"), await call(client.upload, b"2")
    assert {file.file_id for file in [file async for file in events(client.files())]} == {first.file_id, second.file_id}
    await call(client.delete_file, first.file_id)
    assert [file.file_id async for file in events(client.files())] == [second.file_id]
