"""The API keys, for the gateway and for the command line on its host."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

import redis.asyncio

from app.config import ConfigurationError, Settings
from app.store.api_keys import ApiKeyStore
from app.store.keys import StoreKeys
from app.wiring.connections import async_client

__all__ = ["create_api_keys"]

_SHORTEST_OPERATOR_KEY: Final = 32


def create_api_keys(settings: Settings, client: redis.asyncio.Redis | None = None) -> ApiKeyStore:
    """The API keys, for the gateway and for the command line on its host.

    Raises:
        ConfigurationError: the operator's key cannot be read, or is too short to be one.
    """
    operator_key = None if settings.admin_key_file is None else _operator_key(settings.admin_key_file)
    keys = StoreKeys(settings.namespace)
    return ApiKeyStore(client or async_client(settings), keys, secrets.token_bytes, operator_key)


def _operator_key(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"PYXEC_ADMIN_KEY_FILE={str(path)!r}: cannot be read: {e}") from e
    if len(text) < _SHORTEST_OPERATOR_KEY:
        raise ConfigurationError(f"PYXEC_ADMIN_KEY_FILE={str(path)!r}: its key is shorter than 32 characters")
    return text
