"""How long a one-line Python job takes: through the sandbox port, with ``docker run``, bare, and with other libraries.

All of them in every round, each time in another order, with a pause before each in which the pool refills and the
engine removes what is over: otherwise one would be measured while another is cleaned up.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from app.core.errors import PyxecError
from bench.docker_run import DockerRun
from bench.sandbox_peers import Peer
from bench.sandbox_target import Target
from bench.sandbox_under_test import LANGUAGES, NullSink, SandboxUnderTest, program
from bench.summary import Summary

__all__ = ["IMAGE", "STEPS", "measure_start", "peer_target"]

IMAGE: Final = "pyxec/python:latest"
_WARM_UP_ROUNDS: Final = 2
STEPS: Final = _WARM_UP_ROUNDS + 20
# The others take long: measuring them in every third round is enough for a factor of four.
_PEER_EVERY: Final = 3
_PAUSE_SECONDS: Final = 0.4
_PROGRAM: Final = "print(6 * 7)"
_PRINTED: Final = "42\n"
_INTERPRETER: Final = Path("/usr/bin/python3")

Seconds = Callable[[], float]
AdvanceProgress = Callable[[], None]


def measure_start(
    sandbox: SandboxUnderTest, docker_run: DockerRun, peers: Sequence[Peer], advance: AdvanceProgress
) -> list[Target]:
    """The targets that compare one job's time.

    Raises:
        PyxecError: one of our own failed. A library that fails is left out, with its reason in its row.
    """
    ours: dict[str, Seconds] = {
        "sandbox": lambda: _through_the_port(sandbox),
        "docker run": lambda: _timed(lambda: docker_run(IMAGE, ["python3", "-c", _PROGRAM]).decode()),
        "bare": _bare,
    }
    failed: dict[str, str] = {}
    taken: dict[str, list[float]] = {}
    for index in range(STEPS):
        others = {peer.name: peer for peer in peers if index % _PEER_EVERY == 0 and peer.name not in failed}
        contenders: dict[str, Seconds] = {
            **ours,
            **{name: partial(peer.seconds, _PRINTED) for name, peer in others.items()},
        }
        for name, seconds in _in_turn(contenders, index):
            time.sleep(_PAUSE_SECONDS)
            try:
                taken.setdefault(name, []).append(seconds())
            except PyxecError as e:
                if name in ours:
                    raise
                failed[name] = str(e)
        advance()
    summaries = {
        name: Summary.of(seconds[_WARM_UP_ROUNDS if name in ours else 1 :])
        for name, seconds in taken.items()
        if name not in failed
    }
    return _targets(summaries, failed, [peer.name for peer in peers])


def _targets(summaries: Mapping[str, Summary], failed: Mapping[str, str], peers: Sequence[str]) -> list[Target]:
    p50 = {name: summary.p50_ms for name, summary in summaries.items()}
    figures = {name: summary.__dict__ for name, summary in summaries.items()}
    return [
        Target(
            "a one-line Python job, p50: sandbox / docker run --rm",
            0.20,
            True,
            p50["sandbox"] / p50["docker run"],
            details=figures,
        ),
        Target(
            "the same: sandbox - bare interpreter",
            25,
            True,
            p50["sandbox"] - p50["bare"],
            " ms",
            details=_interpreters(),
        ),
        *(
            peer_target(name, p50[name] / p50["sandbox"] if name in p50 else None, failed.get(name, ""))
            for name in peers
        ),
    ]


def peer_target(name: str, ratio: float | None, why: str) -> Target:
    """How many times faster the sandbox is than another library."""
    return Target(f"the same: {name} / sandbox", 4, False, ratio, why=why)


def _in_turn(contenders: Mapping[str, Seconds], index: int) -> list[tuple[str, Seconds]]:
    names = sorted(contenders)
    start = index % len(names)
    return [(name, contenders[name]) for name in (*names[start:], *names[:start])]


def _through_the_port(sandbox: SandboxUnderTest) -> float:
    spec, sink = program("python", _PROGRAM), NullSink()
    began = time.perf_counter()
    sandbox.run(spec, sink)
    seconds = time.perf_counter() - began
    if sink.written_bytes != len(_PRINTED):
        raise PyxecError(f"the sandbox printed {sink.written_bytes} bytes, not {_PRINTED!r}")
    return seconds


def _bare() -> float:
    """The interpreter as a child of this process, with the file and the environment that a sandbox gives it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_text(_PROGRAM)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", **LANGUAGES["python"].env}
        command = [str(_INTERPRETER), "main.py"]
        return _timed(
            lambda: subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, check=True
            ).stdout.decode()
        )


def _timed(run: Callable[[], str]) -> float:
    began = time.perf_counter()
    printed = run()
    seconds = time.perf_counter() - began
    if printed != _PRINTED:
        raise PyxecError(f"{printed!r} was printed, not {_PRINTED!r}")
    return seconds


def _interpreters() -> dict[str, str]:
    done = subprocess.run([_INTERPRETER, "--version"], capture_output=True, text=True, check=True)
    return {"bare": f"{_INTERPRETER}, {done.stdout.strip()}"}
