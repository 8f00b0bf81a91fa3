"""The Lua scripts: which fragments each is made of, and how one is called.

EVALSHA first; EVAL only after the server said NOSCRIPT, which it says before it executes anything: nothing can be
applied twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from redis.exceptions import NoScriptError

from app.broker.command_executor import CommandExecutor

__all__ = ["Call", "PreconditionedEnqueue", "Script", "execute", "execute_async", "preconditioned_enqueue"]

_FOLDER = Path(__file__).with_name("lua")
#: They bring accepted messages to their end, or on their way to it: a server that is out of memory runs them all the
#: same, or nothing could ever leave it. What takes messages in, and what running ones write, it refuses.
_ENDING: Final = frozenset({"FINISH", "RETRY", "REJECT", "RELEASE", "RECOVER", "START", "HEARTBEAT", "TEND"})


class Script(Enum):
    """Each script with the fragments it needs, in the order they are loaded."""

    ENQUEUE = ("entry", "effects", "enqueue")
    ENQUEUE_MANY = ("entry", "enqueue_many")
    FENCED = ("owner", "effects", "fenced")
    FINISH = ("owner", "effects", "finish")
    FORGET_CONSUMER = ("forget_consumer",)
    HEARTBEAT = ("owner", "heartbeat")
    NOW = ("entry", "now")
    RECOVER = ("entry", "bury", "recover")
    REJECT = ("owner", "entry", "effects", "bury", "reject")
    RELEASE = ("owner", "entry", "release")
    REPLAY = ("entry", "replay")
    RETRY = ("owner", "entry", "effects", "retry")
    START = ("owner", "start")
    TEND = ("entry", "tend")

    @cached_property
    def source(self) -> str:
        """The whole text."""
        fragments = "\n".join((_FOLDER / f"{name}.lua").read_text("utf-8") for name in self.value)
        return f"#!lua flags=allow-oom\n{fragments}" if self.name in _ENDING else fragments

    @cached_property
    def sha(self) -> str:
        """What EVALSHA calls it by."""
        return _sha_of(self.source)


@dataclass(frozen=True)
class PreconditionedEnqueue:
    """Script.ENQUEUE with a precondition in it."""

    source: str
    sha: str


@lru_cache(maxsize=64)
def preconditioned_enqueue(condition: str) -> PreconditionedEnqueue:
    """`condition` is the body of a Lua function of ``keys`` and ``args``."""
    source = f"local function precondition(keys, args)\n{condition}\nend\n{Script.ENQUEUE.source}"
    return PreconditionedEnqueue(source, _sha_of(source))


def _sha_of(source: str) -> str:
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Call:
    """One call of one script; built the same way for the blocking and the asyncio client."""

    script: Script | PreconditionedEnqueue
    keys: list[Any] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)

    @property
    def by_sha(self) -> Sequence[Any]:
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)

    @property
    def by_source(self) -> Sequence[Any]:
        return ("EVAL", self.script.source, len(self.keys), *self.keys, *self.args)


def execute(wire: CommandExecutor, command: Call | Sequence[Any]) -> Any:
    """The reply to a script or a bare command. Redis' errors pass through."""
    if not isinstance(command, Call):
        return wire.execute(*command)
    try:
        return wire.execute(*command.by_sha)
    except NoScriptError:
        return wire.execute(*command.by_source)


# `Any`: redis-py leaves execute_command without types.
async def execute_async(client: Any, command: Call | Sequence[Any]) -> Any:
    """The same for the asyncio client."""
    if not isinstance(command, Call):
        return await client.execute_command(*command)
    try:
        return await client.execute_command(*command.by_sha)
    except NoScriptError:
        return await client.execute_command(*command.by_source)
