"""Whatever is sent to goxec's addresses, it is never our fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.http import HttpSettings
from tests.http.conftest import make_app
from tests.http.fakes import InMemoryAdmissions, InMemoryJobs
from tests.http.test_any_input import anything, text

programs = st.fixed_dictionaries({"code": text | anything, "language": st.just("python") | anything})


@pytest.fixture(scope="module")
def post() -> Iterator[Any]:
    """Sends a body to the application, without a network in between."""
    transport = httpx.ASGITransport(make_app(HttpSettings(), InMemoryJobs(), InMemoryAdmissions(10**9)))
    client = httpx.AsyncClient(transport=transport, base_url="http://gateway")
    with asyncio.Runner() as runner:
        yield lambda body: runner.run(
            client.post("/api/run", content=body, headers={"Content-Type": "application/json"})
        )


@settings(max_examples=150, deadline=None)
@given(body=st.binary() | anything.map(json.dumps).map(str.encode) | programs.map(json.dumps).map(str.encode))
def test_any_body_is_taken_or_refused(post: Any, body: bytes) -> None:
    answer = post(body)
    assert answer.status_code in (200, 400), answer.text
    assert set(answer.json()) == ({"job_id", "status"} if answer.status_code == 200 else {"error"})
