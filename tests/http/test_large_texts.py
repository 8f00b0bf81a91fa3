"""Large texts of JSON responses are the same as if they were encoded with their document."""

from __future__ import annotations

import asyncio
import base64
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.job.events import Output, Stream
from app.core.job.spec import TextEncoding
from app.http.jobs.transcript import PhaseOutput
from app.http.large_texts import PIECE_BYTES, LargeTexts, TextForm
from tests.http.gateway import JOB, PYTHON, Gateway, StartGateway

# Around the boundary of two pieces
_padding = st.integers(PIECE_BYTES - 4, PIECE_BYTES + 1)


@settings(max_examples=100, deadline=None)
@given(padding=_padding, text=st.text(max_size=20), inline=st.booleans())
def test_utf8_text_is_encoded_as_json(padding: int, text: str, inline: bool) -> None:
    data = b"x" * padding + text.encode()
    texts = LargeTexts(max_inline_bytes=len(data) if inline else 0)
    string, encoding = texts.add_output(data)
    document = b"".join(texts.stream(msgspec.json.encode({"a": string, "b": 1}))) if texts else string.encode()
    expected = msgspec.json.encode({"a": data.decode(), "b": 1})
    assert encoding is TextEncoding.UTF8
    assert document == (data if inline else expected)


@settings(max_examples=100, deadline=None)
@given(padding=_padding, data=st.binary(max_size=20))
def test_other_bytes_are_encoded_as_base64_or_replaced(padding: int, data: bytes) -> None:
    data = b"\xff" + b"x" * padding + data
    texts = LargeTexts(max_inline_bytes=0)
    first, encoding = texts.add_output(data)
    second = texts.add(bytearray(data), TextForm.REPLACED)
    decoded = json.loads(b"".join(texts.stream(msgspec.json.encode([first, "middle", second]))))
    assert encoding is TextEncoding.BASE64
    assert decoded == [base64.b64encode(data).decode(), "middle", data.decode(errors="replace")]
    assert texts.total_bytes == 2 * len(data)


def test_small_texts_are_part_of_the_document() -> None:
    texts = LargeTexts(max_inline_bytes=10)
    assert [texts.add(b"12345", TextForm.UTF8) for _ in range(2)] == ["12345", "12345"]
    assert not texts
    assert texts.add(b"1", TextForm.UTF8) != "1"
    assert texts


@given(st.lists(st.tuples(st.sampled_from(Stream), st.binary(max_size=5)), max_size=10))
def test_phase_output_keeps_the_order_of_both_streams(chunks: list[tuple[Stream, bytes]]) -> None:
    output = PhaseOutput()
    for stream, data in chunks:
        output.add(Output(stream, data))
    assert output.stdout == b"".join(data for stream, data in chunks if stream is Stream.STDOUT)
    assert output.stderr == b"".join(data for stream, data in chunks if stream is Stream.STDERR)
    assert output.combined == b"".join(data for _, data in chunks)


_OUTPUT = "ü€\n".encode() * 40_000


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/jobs?wait=20", JOB, 200),
        ("/judge0/submissions?wait=true", {"language_id": 71, "source_code": "x"}, 201),
        (
            "/api/v2/execute",
            {"language": "python", "version": "*", "files": [{"content": "x"}]},
            200,
        ),
    ],
)
async def test_client_that_waits_receives_a_large_output(
    start_gateway: StartGateway, path: str, body: dict[str, object], status: int
) -> None:
    gateway: Gateway = await start_gateway(languages=[PYTHON])

    async def run_job() -> None:
        gateway.worker.start(job_id := await gateway.wait_for_job())
        gateway.worker.start_phase(job_id)
        gateway.worker.append(
            job_id, *(Output(Stream.STDOUT, _OUTPUT[start : start + 999]) for start in range(0, len(_OUTPUT), 999))
        )
        gateway.worker.finish(job_id)

    response, _ = await asyncio.gather(gateway.client.post(path, json=body), run_job())
    assert response.status_code == status, response.text[:500]
    document = response.json()
    assert document.get("run", document)["stdout"] == _OUTPUT.decode()
    if "run" in document:
        assert document["run"]["output"] == _OUTPUT.decode()
