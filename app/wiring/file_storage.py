"""Creates the file storage that the settings name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.config import ConfigurationError, Settings
from app.files.folder_storage import FolderStorage
from app.files.redis_storage import RedisStorage
from app.files.storage import FileStorage
from app.store.connection import create_client

__all__ = ["create_file_storage", "file_cache_folder"]


def create_file_storage(settings: Settings) -> FileStorage:
    """Create the file storage. It connects when it is used.

    Raises:
        ConfigurationError: The packages for S3 are not installed.
    """
    kind, _, location = settings.files.partition(":")
    match kind:
        case "dir":
            return FolderStorage(Path(location))
        case "s3":
            return _create_s3_storage(settings, *location.removeprefix("//").split("/", 1))
        case _:
            return RedisStorage(create_client(settings.redis_url, settings.redis_timeout_seconds), settings.namespace)


def file_cache_folder(settings: Settings) -> Path:
    """Return the folder of the file cache of this host."""
    default = Path(tempfile.gettempdir()) / f"pyxec-{settings.namespace}-files"
    return Path(settings.file_cache) if settings.file_cache else default


def _create_s3_storage(settings: Settings, bucket: str, prefix: str = "") -> FileStorage:
    try:
        from app.files.s3_storage import S3Settings, S3Storage
    except ImportError as e:
        raise ConfigurationError(
            f"PYXEC_FILES={settings.files!r}: requires the packages of requirements-s3.lock: {e}"
        ) from e
    return S3Storage(
        S3Settings(
            bucket=bucket,
            prefix=prefix,
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            access_key=settings.s3_access_key or "",
            secret_key=settings.s3_secret_key or "",
        )
    )
