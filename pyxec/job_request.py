"""Builds the body of ``POST /v1/jobs`` from the arguments of ``submit``. The service validates it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypedDict, Unpack

from pyxec.errors import InvalidJob

__all__ = ["Case", "Checker", "Group", "JobOptions", "job_request"]


class Case(TypedDict, total=False):
    """One test of a job. Every key is optional."""

    name: str
    stdin: str
    args: Sequence[str]
    limits: Mapping[str, float]
    expected_output: str
    compare: str | Mapping[str, Any]


class Checker(TypedDict, total=False):
    """A checker or interactor, which judges the tests; docs/judging.md describes it.

    It requires ``language``, and either ``source`` or ``files``: file name to content, text or bytes.
    """

    language: str
    version: str
    source: str
    files: Mapping[str, str | bytes]
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
    files: Mapping[str, str | bytes]
    entrypoint: str
    stdin: str
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
    webhook_url: str
    labels: Mapping[str, str]


_OPTION_NAMES: Final = frozenset(JobOptions.__annotations__)


def job_request(language: str, source: str | None = None, **options: Unpack[JobOptions]) -> dict[str, Any]:
    """Return the body of one job, also for ``submit_batch``.

    Args:
        language: Id or alias of a language.
        source: The program, if it is one file. Otherwise pass ``files``: file name to content, text or bytes.
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
    if not isinstance(options.get("stdin", ""), str):
        raise InvalidJob("stdin: must be text; send bytes to a running interactive job")
    return body


def _encode_files(files: Mapping[str, str | bytes]) -> list[dict[str, str]]:
    return [_encode_file(name, content) for name, content in files.items()]


def _encode_file(name: str, content: str | bytes) -> dict[str, str]:
    if isinstance(content, str):
        return {"name": name, "content": content}
    if not isinstance(content, bytes):
        raise InvalidJob(f"files: {name} must be text or bytes")
    try:
        return {"name": name, "content": content.decode()}
    except UnicodeDecodeError:
        return {"name": name, "content": base64.b64encode(content).decode(), "encoding": "base64"}
