"""Creates the file storage that the settings name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from app.config import Settings
from app.files.redis_storage import RedisStorage
from app.files.storage import FileStorage
from app.store.connection import create_client

__all__ = ["create_file_storage", "file_cache_folder"]


def create_file_storage(settings: Settings) -> FileStorage:
    """Create the file storage. It connects when it is used."""
    return RedisStorage(create_client(settings.redis_url, settings.redis_timeout_seconds), settings.namespace)


def file_cache_folder(settings: Settings) -> Path:
    """Return the folder of the file cache of this host."""
    default = Path(tempfile.gettempdir()) / f"pyxec-{settings.namespace}-files"
    return Path(settings.file_cache) if settings.file_cache else default
