"""The files by reference of a job, on the disk of the worker that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.core.files import Content, StoredFile
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerSpec
from app.core.spec import JobSpec, SourceFile
from app.files.cache import FileCache

__all__ = ["local_files"]


@contextmanager
def local_files(spec: JobSpec, cache: FileCache, is_cancelled: Callable[[], bool]) -> Iterator[JobSpec]:
    """Provide local copies of the files that a job refers to, until the context ends.

    Args:
        spec: The job.
        cache: The file cache.
        is_cancelled: Stops fetching when it returns True. The job must not run then.

    Yields:
        The job, with the paths of its files.

    Raises:
        FileStorageUnavailable: The files cannot be fetched now.
        BlobNotFound: The file storage has lost a file.
    """
    stored_files = [content for content in _iterate_contents(spec) if isinstance(content, StoredFile)]
    if not stored_files:
        yield spec
        return
    with cache.open(stored_files, is_cancelled) as paths:
        yield _replace_contents(spec, paths)


def _iterate_contents(spec: JobSpec) -> Iterator[Content | None]:
    yield spec.stdin
    yield from (file.content for file in spec.workspace_files)
    for program in (spec, spec.checker, spec.interactor):
        if program is not None:
            yield from (file.content for file in program.files)
    for test in spec.tests:
        yield test.stdin
        yield test.expected_output


def _replace_contents(spec: JobSpec, paths: Mapping[str, Path]) -> JobSpec:
    def localize(content: Content) -> Content:
        if isinstance(content, bytes):
            return content
        return msgspec.structs.replace(content, path=str(paths[content.digest]))

    def localize_files(files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        return tuple(msgspec.structs.replace(file, content=localize(file.content)) for file in files)

    def localize_test(test: CaseSpec) -> CaseSpec:
        expected = None if test.expected_output is None else localize(test.expected_output)
        return msgspec.structs.replace(test, stdin=localize(test.stdin), expected_output=expected)

    def localize_checker(checker: CheckerSpec | None) -> CheckerSpec | None:
        return None if checker is None else msgspec.structs.replace(checker, files=localize_files(checker.files))

    return msgspec.structs.replace(
        spec,
        files=localize_files(spec.files),
        workspace_files=localize_files(spec.workspace_files),
        stdin=localize(spec.stdin),
        tests=tuple(localize_test(test) for test in spec.tests),
        checker=localize_checker(spec.checker),
        interactor=localize_checker(spec.interactor),
    )
