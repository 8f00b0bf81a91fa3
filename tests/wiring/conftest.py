"""A real Valkey for what is wired to it."""

from __future__ import annotations

from tests.store.conftest import url

__all__ = ["url"]
