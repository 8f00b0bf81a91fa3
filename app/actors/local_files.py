"""The files by reference of a job, on the disk of the worker that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from app.core.files import StoredFile
from app.core.job.contents import iterate_contents, replace_contents
from app.core.job.spec import JobSpec
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
    stored_files = {field: content for field, _, content in iterate_contents(spec) if isinstance(content, StoredFile)}
    if not stored_files:
        yield spec
        return
    with cache.open(stored_files.values(), is_cancelled) as paths:
        yield replace_contents(
            spec,
            {
                field: msgspec.structs.replace(stored, path=str(paths[stored.digest]))
                for field, stored in stored_files.items()
            },
        )
