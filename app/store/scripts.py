"""Lua scripts for the asyncio client, called in one command."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

__all__ = ["StoreScript", "read_lua"]


class StoreScript:
    """One script on one client.

    EVALSHA first; EVAL only after the server said NOSCRIPT, which it says before it executes anything: nothing can be
    applied twice. (redis-py's would ask three times then, and takes longer each time.)
    """

    def __init__(self, client: Redis, source: str) -> None:
        self._client: Any = client  # redis-py leaves execute_command without types
        self._source = source
        self._sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int | float]) -> Any:
        """The reply. Redis' errors pass through."""
        try:
            return await self._client.execute_command("EVALSHA", self._sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self._client.execute_command("EVAL", self._source, len(keys), *keys, *args)


def read_lua(name: str) -> str:
    """Return the text of a file of the folder lua/."""
    return (Path(__file__).with_name("lua") / f"{name}.lua").read_text("utf-8")
