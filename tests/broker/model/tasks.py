"""Threads of processes that stop before every Redis command and continue when the model says so.

A task is a greenlet. Only one runs at a time, and it gives up control only in `wait`, so that an interleaving is a
sequence of choices of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import greenlet
import redis
import redis.asyncio
from redis import exceptions

__all__ = [
    "AsyncClient",
    "Client",
    "Command",
    "MonotonicClock",
    "Process",
    "Sleep",
    "Step",
    "Task",
    "current_task",
    "run_coroutine",
]


@dataclass
class MonotonicClock:
    """The time of the model.

    Attributes:
        now_ms: Time since the start of the example.
    """

    now_ms: int = 0


@dataclass
class Command:
    """A command that was not yet executed.

    Attributes:
        arguments: Name and arguments.
        options: Options of redis-py for the reply.
    """

    arguments: tuple[Any, ...]
    options: dict[str, Any]

    @property
    def is_blocking(self) -> bool:
        """Whether the server would wait for messages."""
        return self.arguments[0] == "XREADGROUP" and "BLOCK" in self.arguments


@dataclass
class Sleep:
    """A pause.

    Attributes:
        until_ms: End of the pause by the model's monotonic clock.
    """

    until_ms: int


@dataclass
class Step:
    """A step of something outside Redis, for example of a container.

    Attributes:
        name: Its name.
    """

    name: str


Waiting = Command | Sleep | Step


@dataclass(eq=False)
class Process:
    """A process. Its client raises an error when it is dead.

    Attributes:
        name: For messages.
        execute: Executes a command on the server.
        is_dead: Whether the process was killed or has ended.
        is_suspended: Whether the process was suspended (SIGSTOP).
        tasks: Threads that have not ended.
    """

    name: str
    execute: Callable[[Command], Any]
    is_dead: bool = False
    is_suspended: bool = False
    tasks: list[Task] = field(default_factory=list)

    def start(self, name: str, function: Callable[[], Any]) -> Task:
        """Start a thread. It runs until its first command."""
        task = Task(self, name, function)
        self.tasks.append(task)
        task.resume(None)
        return task

    def kill(self) -> None:
        """End the process at once. Its threads run no further command."""
        self.is_dead = True
        while self.tasks:
            self.tasks[-1].throw(greenlet.GreenletExit())

    def client(self) -> Client:
        """Create a client without a connection of its own."""
        client = Client(connection_pool=_Pool())
        client.process = self
        return client

    def async_client(self) -> AsyncClient:
        """Create an asyncio client without a connection of its own."""
        client = AsyncClient(connection_pool=_AsyncPool())
        client.process = self
        return client

    def send(self, command: Command) -> Any:
        """Send a command from the current thread, and wait for its reply.

        Without a task, the command is executed at once.
        """
        if self.is_dead:
            raise greenlet.GreenletExit
        task = current_task()
        return self.execute(command) if task is None else task.wait(command)


class Task:
    """A thread of a process.

    Args:
        process: The process.
        name: For messages.
        function: Its program.

    Attributes:
        waiting: What it waits for; None if it has ended.
        error: The exception that ended it, if any.
        result: What the function returned.
    """

    def __init__(self, process: Process, name: str, function: Callable[[], Any]) -> None:
        self.process = process
        self.name = name
        self.waiting: Waiting | None = None
        self.error: Exception | None = None
        self.result: Any = None
        self._greenlet = greenlet.greenlet(self._run)
        self._greenlet.task = self
        self._function = function

    def wait(self, waiting: Waiting) -> Any:
        """Give up control until the model resumes this task. Called by the task itself."""
        if self.process.is_dead:
            raise greenlet.GreenletExit
        self.waiting = waiting
        return self._greenlet.parent.switch()

    def resume(self, reply: Any) -> None:
        """Continue until the task waits again or ends."""
        self._continue(self._greenlet.switch, reply)

    def throw(self, error: BaseException) -> None:
        """Continue with an exception until the task waits again or ends."""
        self._continue(self._greenlet.throw, error)

    def execute(self, *, reply_is_lost: bool = False) -> None:
        """Execute the command that the task waits for."""
        assert isinstance(self.waiting, Command)
        try:
            reply = self.process.execute(self.waiting)
        except exceptions.NoScriptError as e:
            # Nothing was executed: EVALSHA and EVAL count as one command.
            self.throw(e)
            self.execute(reply_is_lost=reply_is_lost)
            return
        except exceptions.RedisError as e:
            reply = e
        if reply_is_lost:
            self.lose_command()
        elif isinstance(reply, exceptions.RedisError):
            self.throw(reply)
        else:
            self.resume(reply)

    def lose_command(self) -> None:
        """Let the command fail with an error of the connection."""
        self.throw(exceptions.ConnectionError("Connection closed by server."))

    def _continue(self, switch: Callable[[Any], Any], value: Any) -> None:
        assert current_task() is None, "only the model resumes tasks"
        self.waiting = None
        switch(value)
        if self._greenlet.dead:
            self.waiting = None
            self.process.tasks.remove(self)

    def _run(self, _: Any) -> None:
        try:
            self.result = self._function()
        except Exception as e:  # noqa: BLE001  # the model checks it
            self.error = e

    def __repr__(self) -> str:
        return f"<{self.process.name} {self.name}: {self.waiting}>"


def current_task() -> Task | None:
    """Return the task that is running; None in the model itself."""
    return getattr(greenlet.getcurrent(), "task", None)


class _Pool(redis.ConnectionPool):
    """Never used. The broker copies clients with a pool of redis-py's own class."""


class _AsyncPool(redis.asyncio.ConnectionPool):
    """See `_Pool`."""


class Client(redis.Redis):
    """A client of a process."""

    process: Process

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return self.process.send(Command(args, options))

    def set_retry(self, retry: Any) -> None:
        """Do nothing: no command is sent twice."""

    def close(self) -> None:
        """Do nothing: there is no connection."""


class AsyncClient(redis.asyncio.Redis):
    """An asyncio client of a process. Its commands do not wait for an event loop."""

    process: Process

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        return self.process.send(Command(args, options))

    def set_retry(self, retry: Any) -> None:
        """Do nothing: no command is sent twice."""


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that only waits for commands of an `AsyncClient`."""
    try:
        coroutine.send(None)
    except StopIteration as e:
        return e.value
    raise AssertionError("the coroutine waits for something else")
