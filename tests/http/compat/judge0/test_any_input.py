"""Whatever is sent, it is never our fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.http import HttpSettings, create_app
from app.http.compat.judge0.limits import KNOBS
from app.http.compat.judge0.views import ALL_FIELDS
from tests.http.compat.judge0.conftest import zipped
from tests.http.fakes import (
    PYTHON,
    START_MS,
    InMemoryApiKeys,
    InMemoryJobs,
    InMemoryLanguages,
    NoAdministration,
    NoMetrics,
)
from tests.http.test_any_input import anything, text

scalars = st.none() | st.booleans() | st.integers() | st.floats() | text | st.sampled_from(["1", "true", "0", "1e999"])
contents = text | st.sampled_from(["cHJpbnQoMSk=", "/w==", "=", zipped({"run": "", "a.py": "x"}), zipped({"..": ""})])
submissions = st.fixed_dictionaries(
    {"language_id": st.sampled_from([71, "71", 43, 44, 89, 50]) | anything, "source_code": contents | anything},
    optional={
        **dict.fromkeys(("stdin", "expected_output", "additional_files"), contents | anything),
        **dict.fromkeys(("compiler_options", "command_line_arguments", "callback_url"), text | anything),
        **{name: st.integers(0, 30) | scalars | anything for name in KNOBS},
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
def send() -> Iterator[Any]:
    """Sends to the application, without a network in between: there are many."""
    shell = msgspec.structs.replace(PYTHON, id="bash", judge0=(46,), file_name="main.sh")
    compiled = msgspec.structs.replace(
        PYTHON, id="c", judge0=(50,), file_name="main.c", compile=("gcc", "{options}"), run=("./program",)
    )
    jobs = InMemoryJobs()
    app = create_app(
        jobs=jobs,
        languages=InMemoryLanguages(msgspec.structs.replace(PYTHON, judge0=(71,)), shell, compiled),
        submitter=jobs,
        api_keys=InMemoryApiKeys(),
        administration=NoAdministration(),
        metrics=NoMetrics(),
        settings=HttpSettings(),
        new_id=iter(map(str, range(10**9))).__next__,
        now_ms=lambda: START_MS,
    )
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")
    with asyncio.Runner() as runner:
        yield lambda method, path, **options: runner.run(client.request(method, f"/judge0{path}", **options))


def body(document: Any) -> dict[str, Any]:
    return {"content": json.dumps(document).encode(), "headers": {"Content-Type": "application/json"}}


@settings(max_examples=80, deadline=None)
@given(document=submissions | anything, query=queries)
def test_any_submission_is_taken_or_refused(send: Any, document: Any, query: dict[str, str]) -> None:
    answer = send("POST", "/submissions", params=query, **body(document))
    assert answer.status_code in (201, 400, 422), answer.text
    if answer.status_code == 422:
        assert all(reasons for reasons in answer.json().values())
    if answer.status_code == 201:
        # What was taken can be shown
        shown = send("GET", f"/submissions/{answer.json()['token']}", params={"fields": "*", "base64_encoded": "true"})
        assert shown.status_code == 200, shown.text
        assert shown.json().keys() == set(ALL_FIELDS)


@settings(max_examples=25, deadline=None)
@given(
    document=st.fixed_dictionaries({"submissions": st.lists(submissions | anything, max_size=4) | anything}) | anything
)
def test_any_batch_is_taken_or_refused(send: Any, document: Any) -> None:
    answer = send("POST", "/submissions/batch", **body(document))
    assert answer.status_code in (201, 400, 422), answer.text


@settings(max_examples=25, deadline=None)
@given(query=st.dictionaries(st.sampled_from(["tokens", "fields", "page", "per_page", "wait"]), st.text(max_size=20)))
@pytest.mark.parametrize("path", ["/submissions/batch", "/submissions", "/submissions/x", "/languages/9"])
def test_any_question_is_answered(send: Any, path: str, query: dict[str, str]) -> None:
    assert send("GET", path, params=query).status_code in (200, 400, 401, 404)
