"""Fault points: a worker that kills itself between two steps of a job.

A step is a script of the broker that a job runs, or a request of a job to the engine. The process sends itself SIGKILL
before the step with a given number, counted from its first job. Every gap between two steps therefore has a number.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import dramatiq

from app.actors.run_job import JobRunner
from app.broker import StreamsBroker
from app.broker.scripts import ScriptCall
from app.sandbox.engine.http import EngineHttpClient

__all__ = ["kill_before_step"]

# Scripts of jobs. Lease renewal and fetching run in other threads.
_JOB_SCRIPTS = {"FENCED", "FINISH", "RETRY", "REJECT", "START"}


def kill_before_step(number: int) -> None:
    """Install a fault point: this process kills itself before step `number` and writes the step to stderr."""
    counter, started = count(1), threading.Event()

    def step(name: str) -> None:
        if started.is_set() and next(counter) == number:
            sys.stderr.write(f"killed before: {name}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    broker: Any = dramatiq.get_broker()
    assert isinstance(broker, StreamsBroker)
    _call_before(JobRunner, "_run_attempt", lambda *_: started.set())
    _call_before(broker.deliveries, "_run", lambda call: _step_of_script(call, step))
    _call_before(EngineHttpClient, "request", lambda _, method, path, *__: step(f"engine {method} {_shorten(path)}"))
    _call_before(EngineHttpClient, "upgrade", lambda *_: step("engine attach"))


def _step_of_script(call: Any, step: Callable[[str], None]) -> None:
    if isinstance(call, ScriptCall) and call.script.name in _JOB_SCRIPTS:
        step(f"{call.script.name.lower()} {_commands(call)}".strip())


def _commands(call: ScriptCall) -> str:
    """Return the names of the Redis commands that the script runs."""
    return "+".join(arg for arg in call.args if isinstance(arg, str) and arg.isupper() and arg.isalpha())[:60]


def _shorten(path: str) -> str:
    return path.rsplit("/", 1)[-1][:10]


def _call_before(owner: Any, name: str, callback: Callable[..., None]) -> None:
    inner = getattr(owner, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        callback(*args)
        return inner(*args, **kwargs)

    setattr(owner, name, outer)
