"""From the arguments of ``submit`` to the body of ``POST /v1/jobs``. What is allowed is the service's to say."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypedDict, Unpack

from pyxec.errors import InvalidJob

__all__ = ["Case", "JobOptions", "job_request"]


class Case(TypedDict, total=False):
    """One test of a job; all of it can be left out."""

    name: str
    stdin: str
    args: Sequence[str]
    limits: Mapping[str, float]
    expected_output: str


class JobOptions(TypedDict, total=False):
    """All that a job can have besides its language and its program; docs/api.md says what each of them means."""

    version: str
    files: Mapping[str, str | bytes]
    entrypoint: str
    stdin: str
    args: Sequence[str]
    env: Mapping[str, str]
    limits: Mapping[str, float]
    interactive: bool
    tty: Mapping[str, int]
    tests: Sequence[Case]
    artifacts: Sequence[str]
    priority: Literal["interactive", "batch"]
    webhook_url: str
    labels: Mapping[str, str]


_NAMES: Final = frozenset(JobOptions.__annotations__)


def job_request(language: str, source: str | None = None, **options: Unpack[JobOptions]) -> dict[str, Any]:
    """The body of one job, also for ``submit_batch``.

    Parameters:
        source: the program, if it is one file; else ``files`` has its files by their names, as text or bytes.

    Raises:
        InvalidJob: an option that is none, or stdin that is no text: bytes are sent while an interactive job runs.
    """
    if unknown := sorted(options.keys() - _NAMES):
        raise InvalidJob(f"no such option of a job: {', '.join(unknown)}")
    body: dict[str, Any] = {"language": language, **options}
    if source is not None:
        body["source"] = source
    if "files" in options:
        body["files"] = [_file(name, content) for name, content in options["files"].items()]
    if not isinstance(options.get("stdin", ""), str):
        raise InvalidJob("stdin: must be text; bytes can be sent to an interactive job while it runs")
    return body


def _file(name: str, content: str | bytes) -> dict[str, str]:
    if isinstance(content, str):
        return {"name": name, "content": content}
    if not isinstance(content, bytes):
        raise InvalidJob(f"files: {name} must be text or bytes")
    try:
        return {"name": name, "content": content.decode()}
    except UnicodeDecodeError:
        return {"name": name, "content": base64.b64encode(content).decode(), "encoding": "base64"}
