"""Writes a Struct as the JSON answer."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

__all__ = ["send_json"]

_ENCODER = msgspec.json.Encoder()


def send_json(response: Response, status: int, body: object) -> None:
    """Set status, body and content type."""
    response.status = status
    response.content_type = "application/json"
    response.data = _ENCODER.encode(body)
