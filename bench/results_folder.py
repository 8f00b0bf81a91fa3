"""The results of `make bench`: one JSON file for each part, next to its plots in docs/images/performance."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from app.sandbox.engine.client import connect_docker
from bench.machine import describe_machine
from bench.part import Findings
from bench.sandbox.under_test import docker_host

__all__ = ["RESULTS", "create_report", "load_report", "save_report"]

RESULTS: Final = Path(__file__).resolve().parents[1] / "docs" / "images" / "performance"


def create_report(measure: Callable[[], Findings]) -> dict[str, Any]:
    """Run a part and return its report: findings, machine, and load averages before and after."""
    before, started = os.getloadavg(), time.monotonic()
    findings = measure()
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started),
        "machine": describe_machine(connect_docker(docker_host())),
        "load": {"start": before, "end": os.getloadavg()},
        "targets": [target.to_json() for target in findings.targets],
        "table": [target.row() for target in findings.targets],
        "measurements": findings.measurements,
    }


def save_report(name: str, report: dict[str, Any], folder: Path = RESULTS) -> None:
    """Save the report of a part and replace the previous one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def load_report(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """Load the last report of a part, or return None if there is none."""
    path = folder / f"{name}.json"
    return msgspec.json.decode(path.read_bytes()) if path.exists() else None
