"""Runs the load generator wrk and reads its report."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from app.core.errors import PyxecError

__all__ = ["Load", "wrk"]

_UNITS_MS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_GRACE_SECONDS: Final = 30


@dataclass(frozen=True)
class Load:
    """Result of one run.

    Attributes:
        answered: Number of responses.
        refused: Number of responses with a status other than 2xx and 3xx.
        per_second: Responses per second.
        p50_ms: Median latency of all responses.
        p99_ms: 99th percentile of the latency.
    """

    answered: int
    refused: int
    per_second: float
    p50_ms: float
    p99_ms: float


def wrk(url: str, body: object, *, seconds: int, connections: int, per_second: float | None = None) -> Load:
    """POST a JSON body repeatedly.

    Args:
        url: Target of the requests.
        body: Body of each request.
        seconds: Duration of the run.
        connections: Number of connections.
        per_second: Maximum request rate; None sends the next request after each response.

    Raises:
        PyxecError: wrk is not installed or cannot connect.
    """
    if shutil.which("wrk") is None:
        raise PyxecError("wrk is not installed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "post.lua")
        script.write_text(_script(msgspec.json.encode(body).decode(), connections, per_second))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE_SECONDS, check=False)
    if done.returncode:
        raise PyxecError(f"wrk: {done.stderr.strip() or done.stdout.strip()}")
    return _read(done.stdout)


def _script(body: str, connections: int, per_second: float | None) -> str:
    lines = ['wrk.method = "POST"', 'wrk.headers["Content-Type"] = "application/json"', f"wrk.body = [==[{body}]==]"]
    if per_second is not None:
        # A random delay before each request keeps the connections from synchronising.
        pause_ms = 2 * 1000 * connections / per_second
        lines.append(f"function delay() return math.random(0, {pause_ms:.0f}) end")
    return "\n".join(lines)


def _read(text: str) -> Load:
    answered = int(_search(r"(\d+) requests in", text))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(
        answered,
        int(refused[1]) if refused else 0,
        float(_search(r"Requests/sec:\s+([\d.]+)", text)),
        _milliseconds(_search(r"(?m)^\s+50%\s+(\S+)", text)),
        _milliseconds(_search(r"(?m)^\s+99%\s+(\S+)", text)),
    )


def _search(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise PyxecError(f"unexpected output of wrk: {text[:200]!r}")
    return found[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS_MS[unit]
