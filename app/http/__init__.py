"""The gateway: Pyxec's HTTP and WebSocket APIs as an ASGI application."""

from __future__ import annotations

from app.http.app import create_app
from app.http.client_address import TrustedProxies
from app.http.settings import HttpSettings

__all__ = ["HttpSettings", "TrustedProxies", "create_app"]
