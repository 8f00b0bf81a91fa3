"""A client of /connect."""

from __future__ import annotations

import json
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

CONNECT = "/api/v2/connect"


def init(source: str = "print(1)", **changes: Any) -> dict[str, Any]:
    """The message that starts an execution."""
    return {"type": "init", "language": "python", "version": "*", "files": [{"content": source}], **changes}


async def send(connection: ClientConnection, *messages: Any) -> None:
    """Send messages: strings and bytes as they are, everything else as JSON."""
    for message in messages:
        await connection.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def receive_until(connection: ClientConnection, text: str) -> list[dict[str, Any]]:
    """The messages up to the first whose data contains the text."""
    messages: list[dict[str, Any]] = []
    while not messages or text not in messages[-1].get("data", ""):
        messages.append(json.loads(await connection.recv()))
    return messages


async def read_to_end(connection: ClientConnection) -> tuple[list[dict[str, Any]], int | None, str | None]:
    """The remaining messages, the close code and its reason."""
    messages: list[dict[str, Any]] = []
    try:
        while True:
            messages.append(json.loads(await connection.recv()))
    except ConnectionClosed:
        return messages, connection.close_code, connection.close_reason
