"""Check that the file storage answers and can be written to."""

from __future__ import annotations

from collections.abc import Iterator

from app.cli.checks.finding import Finding, failed, passed
from app.config import ConfigurationError, Settings
from app.core.errors import FileStorageUnavailable
from app.wiring.file_storage import create_file_storage

__all__ = ["check_file_storage"]


def check_file_storage(settings: Settings) -> Iterator[Finding]:
    """Write to the file storage of PYXEC_FILES."""
    try:
        create_file_storage(settings).check()
    except (FileStorageUnavailable, ConfigurationError) as e:
        yield failed("file storage", f"{e}; PYXEC_FILES is {settings.files}: jobs with files by reference wait")
    else:
        yield passed("file storage", f"{settings.files} can be written to")
