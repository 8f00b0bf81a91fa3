"""The contents of a job: its source files and inputs, by the fields of the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from app.core.files import Content
from app.core.job.spec import JobSpec, SourceFile
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerSpec

__all__ = ["KeptFile", "iterate_contents", "replace_contents"]

_Program = TypeVar("_Program", JobSpec, CheckerSpec)


class KeptFile(msgspec.Struct, frozen=True, kw_only=True):
    """A source file or an input of a job that is kept as a file.

    Attributes:
        field: Path of the field of the request.
        name: Name of a source file; empty for an input.
    """

    field: str
    name: str
    file_id: str
    size_bytes: int


def iterate_contents(spec: JobSpec) -> Iterator[tuple[str, str, Content]]:
    """Yield each content of a job, with the path of its field and the name of its source file or an empty text."""
    yield "stdin", "", spec.stdin
    for prefix, program in (("", spec), ("checker.", spec.checker), ("interactor.", spec.interactor)):
        for index, file in enumerate(() if program is None else program.files):
            yield f"{prefix}files[{index}].content", file.name, file.content
    for index, file in enumerate(spec.workspace_files):
        yield f"workspace_files[{index}].content", file.name, file.content
    for index, test in enumerate(spec.tests):
        yield f"tests[{index}].stdin", "", test.stdin
        if test.expected_output is not None:
            yield f"tests[{index}].expected_output", "", test.expected_output


def replace_contents(spec: JobSpec, contents: Mapping[str, Content]) -> JobSpec:
    """Return the job with other contents.

    Args:
        spec: The job.
        contents: The new contents by the paths of their fields. Other fields do not change.
    """

    def replace_files(prefix: str, program: _Program) -> _Program:
        files = tuple(
            SourceFile(file.name, contents.get(f"{prefix}files[{index}].content", file.content))
            for index, file in enumerate(program.files)
        )
        return msgspec.structs.replace(program, files=files)

    def replace_test(index: int, test: CaseSpec) -> CaseSpec:
        return msgspec.structs.replace(
            test,
            stdin=contents.get(f"tests[{index}].stdin", test.stdin),
            expected_output=contents.get(f"tests[{index}].expected_output", test.expected_output),
        )

    return msgspec.structs.replace(
        replace_files("", spec),
        stdin=contents.get("stdin", spec.stdin),
        workspace_files=tuple(
            msgspec.structs.replace(file, content=contents.get(f"workspace_files[{index}].content", file.content))
            for index, file in enumerate(spec.workspace_files)
        ),
        tests=tuple(replace_test(index, test) for index, test in enumerate(spec.tests)),
        checker=None if spec.checker is None else replace_files("checker.", spec.checker),
        interactor=None if spec.interactor is None else replace_files("interactor.", spec.interactor),
    )
