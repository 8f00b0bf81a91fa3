"""Fixtures of the tests of Judge0's API: a client of a whole service, and a gateway whose worker is the test."""

from __future__ import annotations

import io
import zipfile
from base64 import b64decode, b64encode
from typing import Any

import pytest

from tests.http.gateway import Gateway, StartGateway
from tests.stack import Stack, eventually

PYTHON, C, CPP, BASH = 71, 50, 54, 46
PRINT = {"language_id": PYTHON, "source_code": "print(1)"}


def zip_files(files: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> str:
    """The value of ``additional_files``."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return b64encode(data.getvalue()).decode()


def decode_base64(encoded: str | None) -> str | None:
    return None if encoded is None else b64decode(encoded).decode()


class Judge0Client:
    """A client of a whole service. It sends and receives texts in Base64."""

    def __init__(self, stack: Stack) -> None:
        self._http = stack.http

    def submit(self, *submissions: dict[str, Any]) -> list[str]:
        """Create submissions and return their tokens."""
        encoded = [self._encode(submission) for submission in submissions]
        response = self._http.post(
            "/judge0/submissions/batch", params={"base64_encoded": "true"}, json={"submissions": encoded}
        )
        assert response.status_code == 201, response.text
        return [item["token"] for item in response.json()]

    def wait_for(self, tokens: list[str], fields: str = "*") -> list[dict[str, Any]]:
        """The submissions, once all of them have finished."""

        def find_finished() -> list[dict[str, Any]] | None:
            query = {"tokens": ",".join(tokens), "base64_encoded": "true", "fields": f"{fields},status"}
            query["fields"] = fields if fields == "*" else query["fields"]
            found = self._http.get("/judge0/submissions/batch", params=query).raise_for_status().json()["submissions"]
            return found if all(submission["status"]["id"] > 2 for submission in found) else None

        result: list[dict[str, Any]] = eventually(find_finished, 60)
        for submission in result:
            for name in {"stdout", "stderr", "compile_output", "message"} & submission.keys():
                submission[name] = decode_base64(submission[name])
        return result

    def run(self, **submission: Any) -> dict[str, Any]:
        """Create a submission and return it once it has finished."""
        return self.wait_for(self.submit(submission))[0]

    def _encode(self, submission: dict[str, Any]) -> dict[str, Any]:
        texts = {"source_code", "stdin", "expected_output"} & submission.keys()
        return {**submission, **{name: b64encode(submission[name].encode()).decode() for name in texts}}


@pytest.fixture
def judge(stack: Stack) -> Judge0Client:
    return Judge0Client(stack)


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    return await start_gateway(PYXEC_WEBHOOK_ALLOW_PRIVATE="on")
