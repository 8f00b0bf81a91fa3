"""One process under supervision: a group of its own that dies with us, whose output comes out line by line."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress

__all__ = ["ChildProcess"]

_PR_SET_PDEATHSIG = 1
_CHUNK_BYTES = 65536
# A line without an end is cut here, so that a process cannot fill our memory.
_LINE_BYTES = 16384
# Children of a process that died get 2 s to stop: nothing tells us when the last of a group is gone.
_LOOK_SECONDS = 0.05
_LEFTOVER_LOOKS = 40


class ChildProcess:
    """A shell command that runs in a process group of its own."""

    def __init__(self, process: Process, output: asyncio.StreamReader) -> None:
        self._process = process
        self._output = output
        self.pid = process.pid

    @classmethod
    async def start(cls, command: str, environment: Mapping[str, str]) -> ChildProcess:
        """Start `command`, one simple command: the shell fills in its variables and then becomes it."""
        # A pipe of our own: with asyncio's, wait() would last until the last grandchild has closed it.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                f"exec {command}",
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid()),
            )
            return cls(process, await _reader(reading))
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)

    async def lines(self) -> AsyncIterator[str]:
        """What it and its children print, until all of them have closed their output."""
        rest = b""
        while chunk := await self._output.read(_CHUNK_BYTES):
            *complete, rest = (rest + chunk).split(b"\n")
            for line in complete:
                yield line.decode(errors="replace")
            if len(rest) > _LINE_BYTES:
                yield rest.decode(errors="replace")
                rest = b""
        if rest:
            yield rest.decode(errors="replace")

    async def wait(self) -> int:
        """Wait for its end; return its exit code, or minus the signal that killed it."""
        return await self._process.wait()

    async def stop(self, grace_seconds: float) -> bool:
        """End it and all of its group: SIGTERM to the process, SIGKILL to what is left. False when it had to be killed.

        Only the main process is asked: masters like gunicorn and dramatiq stop their own children in order.
        """
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), grace_seconds)
        except TimeoutError:
            await self.kill_group()
            return False
        await self.kill_group()
        return True

    async def kill_group(self) -> None:
        """Kill whatever is left of the group; children that outlive their master do no more good."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()

    async def stop_leftovers(self) -> None:
        """The process has died by itself: give its children a moment to finish, then kill them."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)
        for _ in range(_LEFTOVER_LOOKS):
            if not _group_exists(self.pid):
                return
            await asyncio.sleep(_LOOK_SECONDS)
        await self.kill_group()


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0))
    return reader


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _die_with_parent(parent: int) -> Callable[[], None]:
    """What a child does before it becomes its program: ask the kernel for SIGTERM when we are gone, even by SIGKILL."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return arrange
