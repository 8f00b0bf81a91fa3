"""The files that a job request refers to."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.files import FileReference
from app.core.job.spec import JobRequest
from app.core.judging.checker import CheckerRequest

__all__ = ["find_file_ids"]


def find_file_ids(request: JobRequest) -> list[str]:
    """Return the ids of the files that a request refers to. An id can occur more than once."""
    return [value.file_id for value in _iterate_values(request) if isinstance(value, FileReference)]


def _iterate_values(request: JobRequest) -> Iterator[object]:
    yield request.stdin
    for program in (request, request.checker, request.interactor):
        if program is not None:
            yield from _iterate_program(program)
    for test in request.tests:
        yield test.stdin
        yield test.expected_output


def _iterate_program(program: JobRequest | CheckerRequest) -> Iterator[object]:
    yield program.source
    for file in program.files or ():
        yield file.content
