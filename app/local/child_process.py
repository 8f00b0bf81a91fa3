"""A supervised process: it has its own process group, it exits with its supervisor, and its output is read by line."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress

__all__ = ["ChildProcess"]

_PR_SET_PDEATHSIG = 1  # prctl(2)
_CHUNK_BYTES = 65536
# A longer line is split, so that a process cannot fill the memory of the supervisor.
_MAX_LINE_BYTES = 16384
# Nothing reports the exit of the last process of a group, so the group is polled.
_POLL_SECONDS = 0.05
_LEFTOVER_SECONDS = 2.0


class ChildProcess:
    """A shell command in its own process group."""

    def __init__(self, process: Process, output: asyncio.StreamReader) -> None:
        self._process = process
        self._output = output
        self.pid = process.pid

    @classmethod
    async def start(cls, command: str, environment: Mapping[str, str]) -> ChildProcess:
        """Start a command.

        Args:
            command: One simple command. The shell expands its variables and is then replaced by it.
            environment: All environment variables of the process.
        """
        # With a pipe of asyncio, wait() would return only after the last descendant has closed it.
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                f"exec {command}",
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
                preexec_fn=_exit_with_parent(os.getpid()),
            )
            return cls(process, await _open_reader(read_end))
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)

    async def lines(self) -> AsyncIterator[str]:
        """Yield the output of the process group until every process has closed its output."""
        rest = b""
        while chunk := await self._output.read(_CHUNK_BYTES):
            *complete, rest = (rest + chunk).split(b"\n")
            for line in complete:
                yield line.decode(errors="replace")
            if len(rest) > _MAX_LINE_BYTES:
                yield rest.decode(errors="replace")
                rest = b""
        if rest:
            yield rest.decode(errors="replace")

    async def wait(self) -> int:
        """Wait until the process exits. Return its exit code, or the negative number of the signal that killed it."""
        return await self._process.wait()

    async def stop(self, grace_seconds: float) -> bool:
        """Stop the process and its group.

        The process gets SIGTERM. Its children do not, because gunicorn and dramatiq stop their children themselves.
        Processes of the group that remain get SIGKILL.

        Args:
            grace_seconds: Time between SIGTERM and SIGKILL.

        Returns:
            False if the process had to be killed.
        """
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), grace_seconds)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            await self.kill_group()

    async def kill_group(self) -> None:
        """Kill every process of the group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()

    async def stop_leftovers(self) -> None:
        """Stop the children of a process that has exited. They have 2 s before they are killed."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)
        for _ in range(round(_LEFTOVER_SECONDS / _POLL_SECONDS)):
            if not _group_exists(self.pid):
                return
            await asyncio.sleep(_POLL_SECONDS)
        await self.kill_group()


async def _open_reader(descriptor: int) -> asyncio.StreamReader:
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


def _exit_with_parent(parent: int) -> Callable[[], None]:
    """Return a function that makes the kernel send SIGTERM to the calling process when `parent` exits."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def set_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # the parent exited before the call
            os._exit(1)

    return set_signal
