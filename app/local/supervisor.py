"""Runs the Procfile: `python -m app.local.supervisor`, in the foreground, until SIGTERM or Ctrl-C. With `--log FILE`,
as `make up` starts it, what is printed goes into a file that cannot grow without end.

honcho reads the file and prints the lines; but where honcho takes the whole house down when one process dies, here it
is started again, a little later each time. Stopped in order: first what takes new work, last what keeps it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from app.local.address import SUPERVISOR_RECORD, service_url
from app.local.errors import SetupError, exit_with
from app.local.launch import SERVER, LaunchPlan, launch_plan
from app.local.process import ChildProcess
from app.local.rotating_log import RotatingLog
from app.local.state import ProcessRecord, StateFolder

__all__ = ["RestartPolicy", "Supervisor"]

# Every other process is stopped between these two.
_STOPPED_FIRST = ("api",)
_STOPPED_LAST = (SERVER,)


@dataclass(frozen=True)
class RestartPolicy:
    """When a process that died starts again: after `first_seconds`, doubling up to `ceiling_seconds`, and from the
    beginning once it has lived for `healthy_seconds`. `grace_seconds` is what a process gets to stop."""

    first_seconds: float = 0.5
    ceiling_seconds: float = 30.0
    healthy_seconds: float = 10.0
    grace_seconds: float = 20.0

    def delays(self) -> Iterator[float]:
        """The pauses of one row of deaths."""
        delay = self.first_seconds
        while True:
            yield delay
            delay = min(delay * 2, self.ceiling_seconds)


class Supervisor:
    """Keeps the processes of one Procfile running."""

    def __init__(
        self, commands: Mapping[str, str], environment: Mapping[str, str], printer: Printer, policy: RestartPolicy
    ) -> None:
        self._commands = commands
        self._environment = environment
        self._printer = printer
        self._policy = policy
        self._colours = dict(zip(commands, get_colours(), strict=False))
        self._running: dict[str, ChildProcess] = {}
        self._stopping = asyncio.Event()
        printer.width = max(map(len, [*commands, "pyxec"]))

    def stop(self) -> None:
        """Ask for the end; :meth:`run` returns once everything has stopped."""
        self._stopping.set()

    async def run(self) -> None:
        """Start everything, and return once :meth:`stop` was called and all has stopped."""
        async with asyncio.TaskGroup() as group:
            keepers = {name: group.create_task(self._keep(name)) for name in self._commands}
            await self._stopping.wait()
            for wave in _stop_order(list(self._commands)):
                await asyncio.gather(*(self._end(name, keepers[name]) for name in wave))

    async def _keep(self, name: str) -> None:
        """Start one process again and again."""
        delays = self._policy.delays()
        clock = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = clock.time()
            await self._run_once(name)
            if clock.time() - started >= self._policy.healthy_seconds:
                delays = self._policy.delays()
            await self._pause(name, next(delays))

    async def _run_once(self, name: str) -> None:
        child = await ChildProcess.start(self._commands[name], self._environment)
        self._running[name] = child
        if self._stopping.is_set():  # asked while it started: whoever stops us has not seen it
            await child.kill_group()
        self._say(f"{name} started (pid {child.pid})")
        printing = asyncio.create_task(self._print(name, child))
        try:
            status = await child.wait()
            self._say(f"{name} {_ended(status)}")
            await child.stop_leftovers()
            await printing
        finally:
            printing.cancel()
            del self._running[name]

    async def _pause(self, name: str, seconds: float) -> None:
        if not self._stopping.is_set():
            self._say(f"{name} starts again in {seconds:g} s")
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _end(self, name: str, keeper: asyncio.Task[None]) -> None:
        child = self._running.get(name)
        if child is not None and not await child.stop(self._policy.grace_seconds):
            self._say(f"{name} did not stop within {self._policy.grace_seconds:g} s and was killed")
        await keeper

    async def _print(self, name: str, child: ChildProcess) -> None:
        async for line in child.lines():
            self._write(name, line)

    def _say(self, text: str) -> None:
        self._write("pyxec", text)

    def _write(self, name: str, text: str) -> None:
        self._printer.write(Message("line", text, datetime.now(), name, self._colours.get(name)))


def _stop_order(names: Sequence[str]) -> list[list[str]]:
    between = [name for name in names if name not in (*_STOPPED_FIRST, *_STOPPED_LAST)]
    first = [name for name in names if name in _STOPPED_FIRST]
    last = [name for name in names if name in _STOPPED_LAST]
    return [first, between, last]


def _ended(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


async def _run(plan: LaunchPlan, printer: Printer) -> None:
    supervisor = Supervisor(plan.commands, plan.environment, printer, RestartPolicy())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.stop)
    await supervisor.run()


def _printer(log: Path | None) -> Printer:
    if log is None:
        return Printer(sys.stdout)
    return Printer(RotatingLog(log, descriptors=(sys.stdout.fileno(), sys.stderr.fileno())))


def main() -> None:
    """Run the Procfile of this folder, unless that is done already."""
    parser = argparse.ArgumentParser(prog="python -m app.local.supervisor", description="Runs the Procfile.")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="print into this file, and begin a new one when it is full"
    )
    log = parser.parse_args().log
    root = Path.cwd()
    path = StateFolder.of_repository(root).record(SUPERVISOR_RECORD)
    running = ProcessRecord.read(path)
    if running is not None:
        sys.exit(f"Pyxec runs already (pid {running.pid}); `make down` stops it")
    try:
        plan = launch_plan(root, os.environ)
        ProcessRecord.of(os.getpid(), service_url()).write(path)
        asyncio.run(_run(plan, _printer(log)))
    except SetupError as e:
        exit_with(e)
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
