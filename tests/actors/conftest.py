"""Fixtures of the store, for tests with a real worker and an in-memory sandbox."""

from __future__ import annotations

from tests.store.conftest import client, keys, namespace, own_server, store, url

__all__ = ["client", "keys", "namespace", "own_server", "store", "url"]
