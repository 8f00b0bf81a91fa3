"""Whatever is sent, it is never our fault: no body and no message makes a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import falcon
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.core.job_input import Input
from app.http import HttpSettings
from app.http.v1.messages import read_client_message
from tests.http.conftest import make_app
from tests.http.fakes import InMemoryAdmissions, InMemoryJobs

Json = Any

# JSON can spell half of a character that UTF-16 writes in two.
text = st.text(st.characters(exclude_categories=()))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)
# Mostly right, so that what is behind the decoder is reached as well.
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


@pytest.fixture(scope="module")
def post() -> Iterator[Any]:
    """Sends a body to the application, without a network in between: there are many."""
    app = make_app(HttpSettings(), InMemoryJobs(), InMemoryAdmissions(10**9))
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://gateway")
    headers = {"Content-Type": "application/json"}
    with asyncio.Runner() as runner:
        yield lambda body: runner.run(client.post("/v1/jobs", content=body, headers=headers))


@settings(max_examples=300, deadline=None)
@given(body=st.binary() | anything.map(json.dumps).map(str.encode) | jobs.map(json.dumps).map(str.encode))
def test_any_body_is_taken_or_refused(post: Any, body: bytes) -> None:
    answer = post(body)
    assert answer.status_code in (202, 400, 422), answer.text
    if answer.status_code != 202:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"]


@settings(max_examples=300, deadline=None)
@given(message=st.text() | anything.map(json.dumps) | messages.map(json.dumps))
def test_any_message_is_understood_or_refused(message: str) -> None:
    with suppress(InvalidRequest, falcon.HTTPBadRequest):
        assert isinstance(read_client_message(message), Input)
