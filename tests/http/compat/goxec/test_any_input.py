"""No body that is sent to goxec's API causes a 500."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.gateway import Gateway
from tests.http.strategies import anything, text

programs = st.fixed_dictionaries({"code": text | anything, "language": st.just("python") | anything})


@settings(max_examples=150, deadline=None)
@given(body=st.binary() | anything.map(json.dumps).map(str.encode) | programs.map(json.dumps).map(str.encode))
def test_run_accepts_or_rejects_any_body(runner: asyncio.Runner, module_gateway: Gateway, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = runner.run(module_gateway.client.post("/api/run", content=body, headers=headers))
    assert response.status_code in (200, 400), response.text
    assert set(response.json()) == ({"job_id", "status"} if response.status_code == 200 else {"error"})
