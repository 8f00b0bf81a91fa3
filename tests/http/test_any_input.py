"""No request body and no WebSocket message causes a 500."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import falcon
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.core.job.job_input import Input
from app.http.v1.output.messages import read_client_message
from tests.http.gateway import Gateway
from tests.http.strategies import anything, text

# Mostly valid, so that the checks behind the decoder are reached as well.
files = st.fixed_dictionaries(
    {"name": text | anything, "content": text | anything},
    optional={"encoding": st.sampled_from(["utf8", "base64"]) | anything},
)
jobs = st.fixed_dictionaries(
    {"language": st.just("python") | anything},
    optional={
        "version": st.sampled_from(["3.11", "*", ""]) | anything,
        "source": text | anything,
        "files": st.lists(files, max_size=3) | anything,
        "entrypoint": text | anything,
        "stdin": text | anything,
        "args": st.lists(text, max_size=3) | anything,
        "env": st.dictionaries(text, text, max_size=3) | anything,
        "limits": st.dictionaries(
            st.sampled_from(["wall_seconds", "memory_bytes", "processes"]), st.integers() | st.floats() | anything
        ),
        "interactive": st.booleans() | anything,
    },
)
messages = st.fixed_dictionaries(
    {"type": st.sampled_from(["stdin", "eof", "cancel"]) | anything},
    optional={"data": text | anything, "encoding": st.sampled_from(["utf8", "base64"]) | anything},
)


@settings(max_examples=300, deadline=None)
@given(body=st.binary() | anything.map(json.dumps).map(str.encode) | jobs.map(json.dumps).map(str.encode))
def test_submission_accepts_or_rejects_any_body(runner: asyncio.Runner, module_gateway: Gateway, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = runner.run(module_gateway.client.post("/v1/jobs", content=body, headers=headers))
    assert response.status_code in (202, 400, 422), response.text
    if response.status_code != 202:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["detail"]


@settings(max_examples=300, deadline=None)
@given(message=st.text() | anything.map(json.dumps) | messages.map(json.dumps))
def test_read_client_message_accepts_or_rejects_any_message(message: str) -> None:
    with suppress(InvalidRequest, falcon.HTTPBadRequest):
        assert isinstance(read_client_message(message), Input)
