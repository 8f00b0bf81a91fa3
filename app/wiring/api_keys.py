"""The API keys, for the gateway and for the command line on its host."""

from __future__ import annotations

import secrets

import redis.asyncio

from app.config import Settings
from app.store.api_keys import ApiKeyStore
from app.store.keys import StoreKeys
from app.wiring.connections import async_client

__all__ = ["create_api_keys"]


def create_api_keys(settings: Settings, client: redis.asyncio.Redis | None = None) -> ApiKeyStore:
    """The API keys, for the gateway and for the command line on its host."""
    keys = StoreKeys(settings.namespace)
    return ApiKeyStore(client or async_client(settings), keys, secrets.token_bytes, settings.admin_key)
