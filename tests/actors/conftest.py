"""The real store with a real worker; only the sandbox is one in memory."""

from __future__ import annotations

from tests.store.conftest import client, keys, namespace, store, url

__all__ = ["client", "keys", "namespace", "store", "url"]
