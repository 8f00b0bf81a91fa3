"""Runs the processes of the Procfile until SIGTERM or Ctrl-C: `python -m app.local.supervisor [--log FILE]`.

honcho parses the Procfile and prints the output. Its manager is not used, because it stops all processes when one
exits. The supervisor package restarts processes, but it leaves the children of a process that exited running, and its
programs outlive a supervisord that is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from app.local.address import SUPERVISOR_RECORD, service_url
from app.local.child_process import ChildProcess
from app.local.configuration import check_configuration
from app.local.console import exit_on_error
from app.local.launch_plan import SERVER, LaunchPlan, create_launch_plan
from app.local.state import ProcessRecord, StateFolder
from app.local.updates import LAUNCH_RECORD, RESTART_REQUEST, LaunchRecord, RestartRequest

__all__ = ["RestartPolicy", "RotatingLog", "Supervisor"]

# All other processes stop between these.
_STOPPED_FIRST = ("api",)
_STOPPED_LAST = (SERVER,)

_MAX_LOG_BYTES = 20 * 2**20
_KEPT_LOGS = 3


@dataclass(frozen=True)
class RestartPolicy:
    """Delays of restarts, and the time that a process has to stop.

    Attributes:
        first_seconds: Delay of the first restart. Each further restart doubles the delay.
        max_seconds: Maximum delay.
        healthy_seconds: A process that ran for this time restarts with the first delay again.
        grace_seconds: Time between SIGTERM and SIGKILL.
    """

    first_seconds: float = 0.5
    max_seconds: float = 30.0
    healthy_seconds: float = 10.0
    grace_seconds: float = 20.0

    def delays(self) -> Iterator[float]:
        """Yield the delays of consecutive restarts in seconds."""
        delay = self.first_seconds
        while True:
            yield delay
            delay = min(delay * 2, self.max_seconds)


class Supervisor:
    """Runs a set of commands and restarts each one that exits.

    Args:
        commands: Shell commands by name.
        environment: Environment variables of all commands.
        printer: Receives the output and the events.
        policy: Delays and time limits.
    """

    def __init__(
        self, commands: Mapping[str, str], environment: Mapping[str, str], printer: Printer, policy: RestartPolicy
    ) -> None:
        self._commands = commands
        self._environment = environment
        self._printer = printer
        self._policy = policy
        self._colours = dict(zip(commands, get_colours(), strict=False))
        self._running: dict[str, ChildProcess] = {}
        # Set while a process runs, and when the supervisor stops.
        self._started = {name: asyncio.Event() for name in commands}
        self._stopping = asyncio.Event()
        printer.width = max(map(len, [*commands, "pyxec"]))

    def stop(self) -> None:
        """Request the stop of all processes. :meth:`run` returns when they have exited."""
        self._stopping.set()
        for started in self._started.values():
            started.set()

    async def restart(self, names: Sequence[str], commands: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """Restart some processes, one after the other. They stop as for :meth:`stop`, so that no job is lost.

        Args:
            names: Names of the processes, in the order of the restarts.
            commands: The commands from now on, with the names of before.
            environment: Environment variables from now on.
        """
        self._commands, self._environment = commands, environment
        for name in names:
            child = self._running.get(name)
            if child is None:  # it is between two starts, and the next one has the new command
                continue
            self._started[name].clear()
            self._print_event(f"{name} stops, because its settings or its code have changed")
            if not await child.stop(self._policy.grace_seconds):
                self._print_event(f"{name} did not stop within {self._policy.grace_seconds:g} s and was killed")
            await self._started[name].wait()

    async def run(self) -> None:
        """Run the commands until :meth:`stop` is called.

        The API stops first, so that no request arrives without workers; the Redis server stops last.
        """
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(self._keep_running(name)) for name in self._commands}
            await self._stopping.wait()
            for names in _stop_order(list(self._commands)):
                await asyncio.gather(*(self._stop_process(name, tasks[name]) for name in names))

    async def _keep_running(self, name: str) -> None:
        delays = self._policy.delays()
        clock = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = clock.time()
            await self._run_once(name)
            if clock.time() - started >= self._policy.healthy_seconds:
                delays = self._policy.delays()
            await self._wait_before_restart(name, next(delays))

    async def _run_once(self, name: str) -> None:
        child = await ChildProcess.start(self._commands[name], self._environment)
        self._running[name] = child
        self._started[name].set()
        if self._stopping.is_set():  # _stop_process may have run before the process was registered
            await child.kill_group()
        self._print_event(f"{name} started (pid {child.pid})")
        printing = asyncio.create_task(self._print_output(name, child))
        try:
            status = await child.wait()
            self._print_event(f"{name} {_describe_exit(status)}")
            await child.stop_leftovers()
            await printing
        finally:
            printing.cancel()
            del self._running[name]

    async def _wait_before_restart(self, name: str, seconds: float) -> None:
        if not self._stopping.is_set():
            self._print_event(f"{name} restarts in {seconds:g} s")
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _stop_process(self, name: str, task: asyncio.Task[None]) -> None:
        child = self._running.get(name)
        if child is not None and not await child.stop(self._policy.grace_seconds):
            self._print_event(f"{name} did not stop within {self._policy.grace_seconds:g} s and was killed")
        await task

    async def _print_output(self, name: str, child: ChildProcess) -> None:
        async for line in child.lines():
            self._print(name, line)

    def _print_event(self, text: str) -> None:
        self._print("pyxec", text)

    def _print(self, name: str, text: str) -> None:
        self._printer.write(Message("line", text, datetime.now(), name, self._colours.get(name)))


class RotatingLog(RotatingFileHandler):
    """A log file of limited size that honcho's printer writes to. ``pyxec.log.1`` is the newest of the old files.

    Args:
        path: The log file.
        descriptors: File descriptors to redirect to the current file, for example those of stdout and stderr, which
            receive the traceback of an uncaught exception.
        max_bytes: Maximum size of a file.
        kept: Number of old files to keep.
    """

    def __init__(
        self, path: Path, descriptors: Sequence[int] = (), max_bytes: int = _MAX_LOG_BYTES, kept: int = _KEPT_LOGS
    ) -> None:
        self._descriptors = descriptors  # used by _open, which the next line calls
        super().__init__(path, maxBytes=max_bytes, backupCount=kept, encoding="utf-8", errors="replace")

    def write(self, text: str) -> None:
        """Write a line. ``print`` passes the line and its end separately; the end is ignored."""
        if text != "\n":
            self.emit(logging.makeLogRecord({"msg": text}))

    def flush(self) -> None:
        """Flush the file. If the disk is full, lines are lost and the supervisor continues."""
        with suppress(OSError):
            super().flush()

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        for descriptor in self._descriptors:
            os.dup2(stream.fileno(), descriptor)
        return stream


def _stop_order(names: Sequence[str]) -> list[list[str]]:
    first = [name for name in names if name in _STOPPED_FIRST]
    last = [name for name in names if name in _STOPPED_LAST]
    return [first, [name for name in names if name not in (*first, *last)], last]


def _describe_exit(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"exited with status {status}"


async def _run(plan: LaunchPlan, printer: Printer, state: StateFolder) -> None:
    supervisor = Supervisor(plan.commands, plan.environment, printer, RestartPolicy())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.stop)
    restarts: set[asyncio.Task[None]] = set()
    lock = asyncio.Lock()

    async def restart() -> None:
        async with lock:
            request = RestartRequest.take(state.record(RESTART_REQUEST))
            if request is not None:
                await supervisor.restart(request.processes, request.record.commands, request.environment)
                request.record.write(state.record(LAUNCH_RECORD))

    def start_restart() -> None:
        task = loop.create_task(restart())
        restarts.add(task)
        task.add_done_callback(restarts.discard)

    loop.add_signal_handler(signal.SIGUSR1, start_restart)
    await supervisor.run()
    for task in restarts:
        task.cancel()


def main() -> None:
    """Run the Procfile of the current folder, unless a supervisor runs already."""
    parser = argparse.ArgumentParser(prog="python -m app.local.supervisor", description="Runs the Procfile.")
    parser.add_argument("--log", type=Path, metavar="FILE", help="write the output to this file and rotate it")
    log = parser.parse_args().log
    root = Path.cwd()
    state = StateFolder.for_checkout(root)
    path = state.record(SUPERVISOR_RECORD)
    running = ProcessRecord.read(path)
    if running is not None:
        sys.exit(f"Pyxec is already running (pid {running.pid}). `make down` stops it")
    output = RotatingLog(log, descriptors=(sys.stdout.fileno(), sys.stderr.fileno())) if log else sys.stdout
    try:
        with exit_on_error():
            check_configuration(root, os.environ)
            plan = create_launch_plan(root, os.environ)
            LaunchRecord.create(root, plan).write(state.record(LAUNCH_RECORD))
            ProcessRecord.create(os.getpid(), service_url()).write(path)
            asyncio.run(_run(plan, Printer(output), state))
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
