"""A client of /connect, written after Piston's documents."""

from __future__ import annotations

import json
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

CONNECT = "/api/v2/connect"


def init(source: str = "print(1)", **changes: Any) -> dict[str, Any]:
    """The message that begins an execution."""
    return {"type": "init", "language": "python", "version": "*", "files": [{"content": source}], **changes}


async def send(connection: ClientConnection, *messages: Any) -> None:
    """As JSON; text as it is."""
    for message in messages:
        await connection.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def until(connection: ClientConnection, text: str) -> list[dict[str, Any]]:
    """The messages until one whose data has the text in it."""
    messages: list[dict[str, Any]] = []
    while not messages or text not in messages[-1].get("data", ""):
        messages.append(json.loads(await connection.recv()))
    return messages


async def closing(connection: ClientConnection) -> tuple[list[dict[str, Any]], int | None, str | None]:
    """What still comes, the close code and its reason."""
    messages: list[dict[str, Any]] = []
    try:
        while True:
            messages.append(json.loads(await connection.recv()))
    except ConnectionClosed:
        return messages, connection.close_code, connection.close_reason
