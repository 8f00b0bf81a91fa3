"""Writes JSON responses."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

__all__ = ["send_json"]

_ENCODER = msgspec.json.Encoder()


def send_json(response: Response, status: int, body: object) -> None:
    """Set the status and the JSON body of a response.

    Args:
        body: A msgspec Struct, or any other object that msgspec can encode.
    """
    response.status = status
    response.content_type = "application/json"
    response.data = _ENCODER.encode(body)
