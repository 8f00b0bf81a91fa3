"""No request to Judge0's API causes a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.http.compat.judge0.limits import NUMBER_FIELDS
from app.http.compat.judge0.views import ALL_FIELDS
from tests.http.compat.judge0.conftest import zip_files
from tests.http.gateway import Gateway
from tests.http.strategies import anything, text

scalars = st.none() | st.booleans() | st.integers() | st.floats() | text | st.sampled_from(["1", "true", "0", "1e999"])
contents = text | st.sampled_from(
    ["cHJpbnQoMSk=", "/w==", "=", zip_files({"run": "", "a.py": "x"}), zip_files({"..": ""})]
)
submissions = st.fixed_dictionaries(
    {"language_id": st.sampled_from([71, "71", 43, 44, 89, 50]) | anything, "source_code": contents | anything},
    optional={
        **dict.fromkeys(("stdin", "expected_output", "additional_files"), contents | anything),
        **dict.fromkeys(("compiler_options", "command_line_arguments", "callback_url"), text | anything),
        **{name: st.integers(0, 30) | scalars | anything for name in NUMBER_FIELDS},
        **dict.fromkeys(("enable_network", "redirect_stderr_to_stdout"), scalars | anything),
    },
)
queries = st.fixed_dictionaries(
    {},
    optional={
        "base64_encoded": st.sampled_from(["true", "false"]) | st.text(max_size=5),
        "fields": st.sampled_from(["*", *ALL_FIELDS]) | st.text(max_size=9),
    },
)


@pytest.fixture(scope="module")
def send(runner: asyncio.Runner, module_gateway: Gateway) -> Callable[..., httpx.Response]:
    """Send a request below /judge0."""
    client = module_gateway.client
    return lambda method, path, **options: runner.run(client.request(method, f"/judge0{path}", **options))


def body(document: Any) -> dict[str, Any]:
    return {"content": json.dumps(document).encode(), "headers": {"Content-Type": "application/json"}}


@settings(max_examples=80, deadline=None)
@given(document=submissions | anything, query=queries)
def test_submission_accepts_or_rejects_any_document(send: Any, document: Any, query: dict[str, str]) -> None:
    response = send("POST", "/submissions", params=query, **body(document))
    assert response.status_code in (201, 400, 422), response.text
    if response.status_code == 422:
        assert all(reasons for reasons in response.json().values())
    if response.status_code == 201:
        # An accepted submission can be read.
        stored = send(
            "GET", f"/submissions/{response.json()['token']}", params={"fields": "*", "base64_encoded": "true"}
        )
        assert stored.status_code == 200, stored.text
        assert stored.json().keys() == set(ALL_FIELDS)


@settings(max_examples=25, deadline=None)
@given(
    document=st.fixed_dictionaries({"submissions": st.lists(submissions | anything, max_size=4) | anything}) | anything
)
def test_batch_accepts_or_rejects_any_document(send: Any, document: Any) -> None:
    response = send("POST", "/submissions/batch", **body(document))
    assert response.status_code in (201, 400, 422), response.text


@settings(max_examples=25, deadline=None)
@given(query=st.dictionaries(st.sampled_from(["tokens", "fields", "page", "per_page", "wait"]), st.text(max_size=20)))
@pytest.mark.parametrize("path", ["/submissions/batch", "/submissions", "/submissions/x", "/languages/9"])
def test_query_parameters_never_cause_a_server_error(send: Any, path: str, query: dict[str, str]) -> None:
    assert send("GET", path, params=query).status_code in (200, 400, 401, 404)
