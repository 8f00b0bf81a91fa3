"""Reads request bodies with a limit on size and time."""

from __future__ import annotations

import asyncio
from typing import Final

import falcon

from app.http.memory import MEMORY, Reservation
from app.http.request import Request

__all__ = ["read_json_body"]

JSON: Final = "application/json"


async def read_json_body(request: Request, max_bytes: int, timeout_seconds: float = 30) -> bytes:
    """Read a request body that is declared as JSON.

    Args:
        max_bytes: The maximum size of the body, whatever its Content-Length is.
        timeout_seconds: The maximum time to receive the body.

    Returns:
        The undecoded body.

    Raises:
        falcon.HTTPUnsupportedMediaType: The body is not declared as uncompressed JSON in UTF-8.
        falcon.HTTPContentTooLarge: The body is too large. Raised before it is read, if it has a Content-Length.
        falcon.HTTPError: 408: The body was not received in time.
        GatewayBusy: Other requests hold the memory that the body needs.
    """
    _check_type(request)
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    body = request.buffered_body
    if body is not None:
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        return body
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read_stream(request, max_bytes)
    except TimeoutError as e:
        raise falcon.HTTPError(408, description=f"the body was not received within {timeout_seconds:g} s") from e


async def _read_stream(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    with Reservation(MEMORY) as reservation:
        async for chunk in request.stream:
            if len(body) + len(chunk) > max_bytes:
                raise _too_large(max_bytes)
            await reservation.extend(len(chunk))
            body += chunk
        return bytes(body)


def _check_type(request: Request) -> None:
    if request.content_type == JSON and request.get_header("Content-Encoding") is None:
        return  # the common case, without parsing
    media_type, parameters = falcon.parse_header(request.content_type or "")
    if media_type.strip().lower() != JSON:
        raise falcon.HTTPUnsupportedMediaType(description=f"Content-Type must be {JSON}")
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise falcon.HTTPUnsupportedMediaType(description="the charset must be utf-8")
    if (request.get_header("Content-Encoding") or "identity").lower() != "identity":
        raise falcon.HTTPUnsupportedMediaType(description="the body must not be compressed")


def _too_large(max_bytes: int) -> falcon.HTTPContentTooLarge:
    return falcon.HTTPContentTooLarge(description=f"the body must be at most {max_bytes} bytes")
