"""Authentication of WebSockets: by header, by ticket or by the first message.

The WebSocket API of browsers cannot set headers, and an API key in a URL would be written to access logs. Web pages use
a ticket, which opens one WebSocket once, or send their key in the first message.
"""

from __future__ import annotations

import asyncio
from typing import Final

import falcon
import msgspec
from falcon.asgi import WebSocket

from app.core.callers import Caller
from app.core.errors import InvalidRequest, NotAuthenticated
from app.http.decoding import decode
from app.http.middleware.authentication import MAX_KEY_CHARACTERS, Authenticator, KeyReader, read_bearer_key
from app.http.request import Request

__all__ = ["authenticate_websocket"]


class AuthMessage(msgspec.Struct, frozen=True, tag="auth", forbid_unknown_fields=True):
    """The first message on a WebSocket that was opened with ``?auth=message``."""

    key: str


_DECODER: Final = msgspec.json.Decoder(AuthMessage)
_MAX_MESSAGE_CHARACTERS: Final = MAX_KEY_CHARACTERS + 100


async def authenticate_websocket(
    authenticator: Authenticator,
    request: Request,
    socket: WebSocket,
    timeout_seconds: float,
    read_key: KeyReader = read_bearer_key,
) -> Caller:
    """Return the caller that opened an accepted WebSocket.

    Args:
        timeout_seconds: How long to wait for the first message, if it contains the key.
        read_key: Reads the key from the headers, if the request has neither ``ticket`` nor ``auth=message``.

    Raises:
        NotAuthenticated: The key or ticket is invalid, missing or was not received in time.
        InvalidRequest: The first message is not an ``auth`` message.
        falcon.HTTPBadRequest: The first message is not JSON.
        falcon.WebSocketDisconnected: The client closed the connection.
        StoreUnavailable: Redis did not answer.
    """
    ticket = request.get_param("ticket")
    if ticket is not None:
        return await authenticator.redeem_ticket(ticket, request.scope)
    if request.get_param("auth") == "message":
        return await authenticator.authenticate_key(await _receive_key(socket, timeout_seconds), request.scope)
    return await authenticator.authenticate_request(request, read_key)


async def _receive_key(socket: WebSocket, timeout_seconds: float) -> str:
    try:
        async with asyncio.timeout(timeout_seconds):
            text = await socket.receive_text()
    except TimeoutError as e:
        raise NotAuthenticated("the first message was not received in time") from e
    except falcon.PayloadTypeError as e:
        raise InvalidRequest("body", "must be a text message") from e
    if len(text) > _MAX_MESSAGE_CHARACTERS:
        raise InvalidRequest("body", f"must be at most {_MAX_MESSAGE_CHARACTERS} characters")
    return decode(_DECODER, text).key
