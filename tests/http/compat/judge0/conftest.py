"""What the tests of Judge0's API share: submissions to a whole service, and to a gateway whose worker is the test."""

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


def zipped(files: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> str:
    """The value of ``additional_files``."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return b64encode(packed.getvalue()).decode()


def plain(encoded: str | None) -> str | None:
    return None if encoded is None else b64decode(encoded).decode()


class Judge:
    """A client of a whole service, written here: says everything in Base64."""

    def __init__(self, stack: Stack) -> None:
        self._http = stack.http

    def submit(self, *submissions: dict[str, Any]) -> list[str]:
        """The tokens of submissions that must be taken."""
        encoded = [self._encoded(one) for one in submissions]
        answer = self._http.post(
            "/judge0/submissions/batch", params={"base64_encoded": "true"}, json={"submissions": encoded}
        )
        assert answer.status_code == 201, answer.text
        return [one["token"] for one in answer.json()]

    def ended(self, tokens: list[str], fields: str = "*") -> list[dict[str, Any]]:
        """The submissions, once all have ended."""

        def look() -> list[dict[str, Any]] | None:
            query = {"tokens": ",".join(tokens), "base64_encoded": "true", "fields": f"{fields},status"}
            query["fields"] = fields if fields == "*" else query["fields"]
            found = self._http.get("/judge0/submissions/batch", params=query).raise_for_status().json()["submissions"]
            return found if all(one["status"]["id"] > 2 for one in found) else None

        result: list[dict[str, Any]] = eventually(look, 60)
        for one in result:
            for name in {"stdout", "stderr", "compile_output", "message"} & one.keys():
                one[name] = plain(one[name])
        return result

    def run(self, **submission: Any) -> dict[str, Any]:
        """One submission at its end."""
        return self.ended(self.submit(submission))[0]

    def _encoded(self, submission: dict[str, Any]) -> dict[str, Any]:
        contents = {"source_code", "stdin", "expected_output"} & submission.keys()
        return {**submission, **{name: b64encode(submission[name].encode()).decode() for name in contents}}


@pytest.fixture
def judge(stack: Stack) -> Judge:
    return Judge(stack)


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    return await start_gateway(PYXEC_WEBHOOK_ALLOW_PRIVATE="on")
