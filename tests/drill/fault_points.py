"""Fault points: a worker that kills itself, or signals Redis, between two steps of a job.

A step is a script of the broker that a job runs, or a request of a job to the engine. The process sends the signal
before the step with a given number, counted from its first job. Every gap between two steps therefore has a number.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import dramatiq

from app.actors.run_job import JobRunner
from app.broker import StreamsBroker
from app.broker.scripts import ScriptCall
from app.sandbox.engine.http import EngineHttpClient

__all__ = ["FaultPoint", "install_fault_point", "read_reached_step"]

# Scripts of jobs. Lease renewal and fetching run in other threads.
_JOB_SCRIPTS = {"FENCED", "FINISH", "RETRY", "REJECT", "START"}
_PREFIX = "signal before: "
# Arguments of commands that look like commands.
_OPTIONS = {"RETRYCOUNT", "JUSTID", "MAXLEN"}


@dataclass(frozen=True)
class FaultPoint:
    """A signal that a worker sends before a step.

    Attributes:
        step: Number of the step.
        signal: Number of the signal.
        pid: Process that receives it, 0 for the worker itself.
    """

    step: int
    signal: int
    pid: int = 0


def install_fault_point(fault_point: FaultPoint) -> None:
    """Let this process send the signal before the step, after it has written the step to stderr."""
    counter, started = count(1), threading.Event()

    def step(name: str) -> None:
        if started.is_set() and next(counter) == fault_point.step:
            sys.stderr.write(f"{_PREFIX}{name}\n")
            sys.stderr.flush()
            os.kill(fault_point.pid or os.getpid(), fault_point.signal)

    broker: Any = dramatiq.get_broker()
    assert isinstance(broker, StreamsBroker)
    _call_before(JobRunner, "_run_attempt", lambda *_: started.set())
    _call_before(broker.deliveries, "_run", lambda call: _step_of_script(call, step))
    _call_before(EngineHttpClient, "request", lambda _, method, path, *__: step(f"engine {method} {_shorten(path)}"))
    _call_before(EngineHttpClient, "upgrade", lambda *_: step("engine attach"))


def read_reached_step(log: Path) -> str | None:
    """Return the step before which a worker has sent its signal, None if it has not done so."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.removeprefix(_PREFIX) for line in lines if line.startswith(_PREFIX)), None)


def _step_of_script(call: Any, step: Callable[[str], None]) -> None:
    if isinstance(call, ScriptCall) and call.script.name in _JOB_SCRIPTS:
        step(f"{call.script.name.lower()} {_commands(call)}".strip())


def _commands(call: ScriptCall) -> str:
    """Return the names of the Redis commands that the script runs."""
    words = (arg for arg in call.args if isinstance(arg, str) and arg.isupper() and arg.isalpha())
    return "+".join(word for word in words if word not in _OPTIONS)[:60]


def _shorten(path: str) -> str:
    return path.rsplit("/", 1)[-1][:10]


def _call_before(owner: Any, name: str, callback: Callable[..., None]) -> None:
    inner = getattr(owner, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        callback(*args)
        return inner(*args, **kwargs)

    setattr(owner, name, outer)
