"""Builds the body of ``POST /v1/jobs`` from the arguments of ``submit``. The service validates it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypedDict, Unpack

from pyxec.errors import InvalidJob
from pyxec.files import FileInfo

__all__ = ["Case", "Checker", "Group", "JobOptions", "job_request"]


#: A file by reference: what ``Client.upload`` returned, or its id as ``{"file_id": ...}``.
Reference = FileInfo | Mapping[str, str]


class Case(TypedDict, total=False):
    """One test of a job. Every key is optional."""

    name: str
    stdin: str | Reference
    args: Sequence[str]
    limits: Mapping[str, float]
    expected_output: str | Reference
    compare: str | Mapping[str, Any]


class Checker(TypedDict, total=False):
    """A checker or interactor, which judges the tests; docs/judging.md describes it.

    It requires ``language``, and either ``source`` or ``files``: file name to content, text or bytes.
    """

    language: str
    version: str
    source: str | Reference
    files: Mapping[str, str | bytes | Reference]
    entrypoint: str
    style: Literal["icpc", "testlib"]
    args: Sequence[str]
    limits: Mapping[str, float]


class Group(TypedDict, total=False):
    """A group of tests with a score. It requires ``name`` and ``tests``, the names of its tests."""

    name: str
    tests: Sequence[str]
    weight: float
    aggregation: Literal["min", "average", "sum"]


class JobOptions(TypedDict, total=False):
    """The optional fields of a job; docs/api.md describes them."""

    version: str
    files: Mapping[str, str | bytes | Reference]
    entrypoint: str
    stdin: str | Reference
    args: Sequence[str]
    env: Mapping[str, str]
    limits: Mapping[str, float]
    compile_limits: Mapping[str, float]
    interactive: bool
    tty: Mapping[str, int]
    tests: Sequence[Case]
    compare: str | Mapping[str, Any]
    checker: Checker
    interactor: Checker
    groups: Sequence[Group]
    stop_on_first_failure: bool
    tests_parallel: int
    artifacts: Sequence[str]
    priority: Literal["interactive", "batch"]
    keep_source: bool
    workspace: str
    workspace_mode: Literal["reject", "wait"]
    webhook_url: str
    labels: Mapping[str, str]


_OPTION_NAMES: Final = frozenset(JobOptions.__annotations__)


def job_request(language: str, source: str | Reference | None = None, **options: Unpack[JobOptions]) -> dict[str, Any]:
    """Return the body of one job, also for ``submit_batch``.

    Args:
        language: Id or alias of a language.
        source: The program, if it is one file. Otherwise pass ``files``: file name to content, text, bytes or a file
            by reference.
        **options: See JobOptions.

    Raises:
        InvalidJob: An option is unknown, or has the wrong type.
    """
    if unknown := sorted(options.keys() - _OPTION_NAMES):
        raise InvalidJob(f"unknown option: {', '.join(unknown)}")
    body: dict[str, Any] = {"language": language, **options}
    if source is not None:
        body["source"] = source
    if "files" in options:
        body["files"] = _encode_files(options["files"])
    for judge in ("checker", "interactor"):
        if judge in options and "files" in options[judge]:
            body[judge] = {**options[judge], "files": _encode_files(options[judge]["files"])}
    if not isinstance(options.get("stdin", ""), str | FileInfo | Mapping):
        raise InvalidJob("stdin: must be text or a file by reference; send bytes to a running interactive job")
    references: dict[str, Any] = _replace_files(body)
    return references


def _replace_files(value: Any) -> Any:
    """Replace each FileInfo by the reference to it."""
    match value:
        case FileInfo():
            return value.reference
        case Mapping():
            return {name: _replace_files(item) for name, item in value.items()}
        case list() | tuple():
            return [_replace_files(item) for item in value]
        case _:
            return value


def _encode_files(files: Mapping[str, str | bytes | Reference]) -> list[dict[str, Any]]:
    return [_encode_file(name, content) for name, content in files.items()]


def _encode_file(name: str, content: str | bytes | Reference) -> dict[str, Any]:
    if isinstance(content, str | FileInfo | Mapping):
        return {"name": name, "content": content}
    if not isinstance(content, bytes):
        raise InvalidJob(f"files: {name} must be text, bytes or a file by reference")
    try:
        return {"name": name, "content": content.decode()}
    except UnicodeDecodeError:
        return {"name": name, "content": base64.b64encode(content).decode(), "encoding": "base64"}
