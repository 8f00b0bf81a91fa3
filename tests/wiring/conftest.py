"""Fixtures of the store: a real Valkey."""

from __future__ import annotations

from tests.store.conftest import url

__all__ = ["url"]
