"""Who is at the other end of a WebSocket: told by its headers, by a ticket in its URL, or by its first message.

A web page can set no headers on a WebSocket, and a key in a URL would end in logs. A ticket may: it opens one socket,
once.
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
from app.http.middleware.authentication import MAX_KEY_CHARACTERS, Authenticator, KeyReader, bearer_key
from app.http.request import Request

__all__ = ["socket_caller"]


class AuthMessage(msgspec.Struct, frozen=True, tag="auth", forbid_unknown_fields=True):
    """The first message of a socket that was opened with ``?auth=message``."""

    key: str


_DECODER: Final = msgspec.json.Decoder(AuthMessage)
_MAX_MESSAGE_CHARACTERS: Final = MAX_KEY_CHARACTERS + 100


async def socket_caller(
    authenticator: Authenticator,
    request: Request,
    socket: WebSocket,
    timeout_seconds: float,
    read_key: KeyReader = bearer_key,
) -> Caller:
    """Who opened this socket, which was accepted before.

    Raises:
        NotAuthenticated: the key or ticket is none, did not come in time, or is needed and was not sent.
        InvalidRequest, falcon.HTTPBadRequest: the first message is not what was promised.
        StoreUnavailable, falcon.WebSocketDisconnected
    """
    ticket = request.get_param("ticket")
    if ticket is not None:
        return await authenticator.by_ticket(ticket, request.scope)
    if request.get_param("auth") == "message":
        return await authenticator.by_key(await _key_in_first_message(socket, timeout_seconds), request.scope)
    return await authenticator.by_headers(request, read_key)


async def _key_in_first_message(socket: WebSocket, timeout_seconds: float) -> str:
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
