"""Fault points: a worker that dies between two steps of a job's life.

A step is a script of the broker's that a job sends, or a call that it makes to the engine. The process ends by SIGKILL
in front of the step with the given number, counted from the first one after it began to run jobs; so every gap between
two steps has its number.
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

__all__ = ["doom"]

# What the heartbeat and the fetching threads send is nobody's step.
_OURS = {"FENCED", "FINISH", "RETRY", "REJECT", "START"}


def doom(number: int) -> None:
    """Have this process die in front of step `number`. Its standard error says which that was."""
    counter, begun = count(1), threading.Event()

    def step(name: str) -> None:
        if begun.is_set() and next(counter) == number:
            sys.stderr.write(f"died in front of: {name}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    broker: Any = dramatiq.get_broker()
    assert isinstance(broker, StreamsBroker)
    _in_front_of(JobRunner, "_run_attempt", lambda *_: begun.set())
    _in_front_of(broker.deliveries, "_run", lambda call: _script(call, step))
    _in_front_of(EngineHttpClient, "request", lambda _self, method, path, *_: step(f"engine {method} {_shape(path)}"))
    _in_front_of(EngineHttpClient, "upgrade", lambda *_: step("engine attach"))


def _script(call: Any, step: Callable[[str], None]) -> None:
    if isinstance(call, ScriptCall) and call.script.name in _OURS:
        step(f"{call.script.name.lower()} {_first_effect(call)}".strip())


def _first_effect(call: ScriptCall) -> str:
    """The commands that ride in the script."""
    return "+".join(arg for arg in call.args if isinstance(arg, str) and arg.isupper() and arg.isalpha())[:60]


def _shape(path: str) -> str:
    return path.rsplit("/", 1)[-1][:10]


def _in_front_of(owner: Any, name: str, told: Callable[..., None]) -> None:
    inner = getattr(owner, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        told(*args)
        return inner(*args, **kwargs)

    setattr(owner, name, outer)
