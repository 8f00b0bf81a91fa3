"""Duration of a one-line Python job: in the sandbox, with ``docker run``, without a sandbox, and with other libraries.

Each round measures all of them, in another order. Before each measurement there is a pause, in which the pool refills
and the engine removes containers.
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
from bench.sandbox.docker_run import DockerRun
from bench.sandbox.peers import Peer
from bench.sandbox.under_test import LANGUAGES, NullSink, SandboxUnderTest, program
from bench.summary import Summary
from bench.target import Target

__all__ = ["IMAGE", "STEPS", "measure_start", "peer_target"]

IMAGE: Final = "pyxec/python:latest"
_WARM_UP_ROUNDS: Final = 2
STEPS: Final = _WARM_UP_ROUNDS + 20
# The other libraries are slow: every third round is enough to show a factor of four.
_PEER_EVERY: Final = 3
_PAUSE_SECONDS: Final = 0.4
_PROGRAM: Final = "print(6 * 7)"
_OUTPUT: Final = "42\n"
_INTERPRETER: Final = Path("/usr/bin/python3")

Seconds = Callable[[], float]
AdvanceProgress = Callable[[], None]


def measure_start(
    sandbox: SandboxUnderTest, docker_run: DockerRun, peers: Sequence[Peer], advance: AdvanceProgress
) -> list[Target]:
    """Measure the targets that compare the time of one job.

    A library that fails is left out; its row contains the reason.

    Raises:
        PyxecError: A job of the sandbox, of ``docker run`` or of the interpreter failed.
    """
    measurements: dict[str, Seconds] = {
        "sandbox": lambda: _measure_sandbox(sandbox),
        "docker run": lambda: _measure_output(lambda: docker_run(IMAGE, ["python3", "-c", _PROGRAM]).decode()),
        "bare": _measure_interpreter,
    }
    failed: dict[str, str] = {}
    durations: dict[str, list[float]] = {}
    for index in range(STEPS):
        others = {peer.name: peer for peer in peers if index % _PEER_EVERY == 0 and peer.name not in failed}
        candidates: dict[str, Seconds] = {
            **measurements,
            **{name: partial(peer.measure, _OUTPUT) for name, peer in others.items()},
        }
        for name, seconds in _rotate(candidates, index):
            time.sleep(_PAUSE_SECONDS)
            try:
                durations.setdefault(name, []).append(seconds())
            except PyxecError as e:
                if name in measurements:
                    raise
                failed[name] = str(e)
        advance()
    summaries = {
        name: Summary.from_seconds(seconds[_WARM_UP_ROUNDS if name in measurements else 1 :])
        for name, seconds in durations.items()
        if name not in failed
    }
    return _targets(summaries, failed, [peer.name for peer in peers])


def _targets(summaries: Mapping[str, Summary], failed: Mapping[str, str], peers: Sequence[str]) -> list[Target]:
    p50 = {name: summary.p50_ms for name, summary in summaries.items()}
    details = {name: summary.__dict__ for name, summary in summaries.items()}
    return [
        Target(
            "one-line Python job, p50: sandbox / docker run --rm",
            0.20,
            True,
            p50["sandbox"] / p50["docker run"],
            details=details,
        ),
        Target(
            "one-line Python job, p50: sandbox - interpreter without a sandbox",
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


def peer_target(name: str, ratio: float | None, reason: str) -> Target:
    """Return the target for the ratio of another library to the sandbox."""
    return Target(f"one-line Python job, p50: {name} / sandbox", 4, False, ratio, reason=reason)


def _rotate(candidates: Mapping[str, Seconds], index: int) -> list[tuple[str, Seconds]]:
    names = sorted(candidates)
    start = index % len(names)
    return [(name, candidates[name]) for name in (*names[start:], *names[:start])]


def _measure_sandbox(sandbox: SandboxUnderTest) -> float:
    spec, sink = program("python", _PROGRAM), NullSink()
    started_at = time.perf_counter()
    sandbox.run(spec, sink)
    seconds = time.perf_counter() - started_at
    if sink.written_bytes != len(_OUTPUT):
        raise PyxecError(f"the sandbox printed {sink.written_bytes} bytes, not {_OUTPUT!r}")
    return seconds


def _measure_interpreter() -> float:
    """Run the interpreter as a child process, with the file and the environment of a job."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_text(_PROGRAM)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", **LANGUAGES["python"].env}
        command = [str(_INTERPRETER), "main.py"]
        return _measure_output(
            lambda: subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, check=True
            ).stdout.decode()
        )


def _measure_output(run: Callable[[], str]) -> float:
    started_at = time.perf_counter()
    output = run()
    seconds = time.perf_counter() - started_at
    if output != _OUTPUT:
        raise PyxecError(f"printed {output!r}, not {_OUTPUT!r}")
    return seconds


def _interpreters() -> dict[str, str]:
    result = subprocess.run([_INTERPRETER, "--version"], capture_output=True, text=True, check=True)
    return {"bare": f"{_INTERPRETER}, {result.stdout.strip()}"}
