"""The Lua scripts of the broker and their execution.

A script is sent with EVALSHA, and again with EVAL only if the server replied NOSCRIPT, which it does before it executes
anything. Therefore no script is executed twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import redis
from redis.exceptions import NoScriptError

from app.broker.connection import translate_errors

__all__ = [
    "Command",
    "CommandExecutor",
    "PreconditionedScript",
    "Run",
    "Script",
    "ScriptCall",
    "preconditioned",
    "read_ledger_lua",
    "run_async",
]

_FOLDER = Path(__file__).with_name("lua")
# These scripts run although the server is out of memory: they finish or requeue accepted messages, so that the server
# can free memory, or they are an operator's. Of the others, commands that need memory are refused.
_RUN_WITHOUT_MEMORY: Final = frozenset(
    {
        "DROP", "FIND_DEAD_WORKERS", "FINISH", "MAINTAIN", "PAUSE", "RECOVER", "REJECT", "RELEASE", "RENEW_LEASES",
        "RESUME", "RETRY",
    }
)  # fmt: skip
# These scripts start or replay messages. A server that is out of memory refuses scripts with a header and without that
# flag before it executes their first command, although that may need no memory.
_REFUSED_WITHOUT_MEMORY: Final = frozenset({"FETCH", "REPLAY", "START"})


class Script(Enum):
    """The scripts, each with the files in lua/ that it consists of."""

    DELETE_CONSUMERS = ("delete_consumers",)
    DROP = ("conditional", "drop")
    ENQUEUE = ("entry", "ledger", "commands", "effects", "enqueue")
    ENQUEUE_MANY = ("entry", "enqueue_many")
    FENCED = ("owner", "ledger", "commands", "effects", "fenced")
    FETCH = ("fetch_entries", "fetch")
    FIND_DEAD_WORKERS = ("entry", "recovery_rule", "find_dead_workers")
    FINISH = ("owner", "ledger", "commands", "effects", "fetch_entries", "finish")
    MAINTAIN = ("entry", "recovery_rule", "maintain")
    PAUSE = ("pause",)
    RECOVER = ("entry", "recovery_rule", "ledger", "commands", "dead_letter", "recover")
    REJECT = ("owner", "entry", "ledger", "commands", "effects", "dead_letter", "reject")
    RELEASE = ("owner", "entry", "release")
    RENEW_LEASES = ("owner", "entry", "recovery_rule", "renew_leases")
    REPLAY = ("entry", "conditional", "replay")
    RESUME = ("resume",)
    RETRY = ("owner", "entry", "ledger", "commands", "effects", "retry")
    SERVER_TIME = ("entry", "server_time")
    START = ("owner", "start")

    @cached_property
    def source(self) -> str:
        """Text of the script."""
        return self._header + self._body

    def source_with(self, precondition: str) -> str:
        """Return the text of the script with the body of the function `precondition`."""
        return f"{self._header}local function precondition(keys, args)\n{precondition}\nend\n{self._body}"

    @property
    def _header(self) -> str:
        if self.name in _RUN_WITHOUT_MEMORY:
            return "#!lua flags=allow-oom\n"
        return "#!lua\n" if self.name in _REFUSED_WITHOUT_MEMORY else ""

    @cached_property
    def _body(self) -> str:
        return "\n".join((_FOLDER / f"{name}.lua").read_text("utf-8") for name in self.value)

    @cached_property
    def sha(self) -> str:
        """SHA-1 digest of the text, for EVALSHA."""
        return _digest(self.source)


def read_ledger_lua() -> str:
    """Return the Lua functions of ledgers (lua/ledger.lua), for scripts of other packages and for preconditions."""
    return (_FOLDER / "ledger.lua").read_text("utf-8")


@dataclass(frozen=True)
class PreconditionedScript:
    """A script with the Lua function of a precondition."""

    source: str
    sha: str


@lru_cache(maxsize=64)
def preconditioned(script: Script, precondition: str) -> PreconditionedScript:
    """Build a script with a precondition.

    Args:
        script: ENQUEUE, REPLAY or DROP.
        precondition: Body of a Lua function of ``keys`` and ``args``; see `Precondition.source`.
    """
    source = script.source_with(precondition)
    return PreconditionedScript(source, _digest(source))


def _digest(source: str) -> str:
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class ScriptCall:
    """One call of a script.

    Attributes:
        script: The script.
        keys: Its KEYS.
        args: Its ARGV.
    """

    script: Script | PreconditionedScript
    keys: list[Any] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)

    @property
    def by_sha(self) -> Sequence[Any]:
        """The EVALSHA command."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)

    @property
    def by_source(self) -> Sequence[Any]:
        """The EVAL command."""
        return ("EVAL", self.script.source, len(self.keys), *self.keys, *self.args)


#: A script, or a command as a sequence of its name and arguments.
Command = ScriptCall | Sequence[Any]

#: Runs a command and returns the reply. Raises BrokerUnavailable, or redis.ResponseError for other errors.
Run = Callable[[Command], Any]


class CommandExecutor:
    """Runs commands with one client. Thread-safe.

    Args:
        client: A client without retries.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._execute: Callable[..., Any] = client.execute_command

    def run(self, command: Command) -> Any:
        """Run a command once and return the reply.

        Raises:
            BrokerUnavailable: The command may or may not have been executed.
        """
        with translate_errors():
            if not isinstance(command, ScriptCall):
                return self._execute(*command)
            try:
                return self._execute(*command.by_sha)
            except NoScriptError:
                return self._execute(*command.by_source)


async def run_async(client: Any, command: Command) -> Any:
    """Run a command once with an asyncio client and return the reply.

    Raises:
        BrokerUnavailable: The command may or may not have been executed.
    """
    with translate_errors():
        if not isinstance(command, ScriptCall):
            return await client.execute_command(*command)
        try:
            return await client.execute_command(*command.by_sha)
        except NoScriptError:
            return await client.execute_command(*command.by_source)
