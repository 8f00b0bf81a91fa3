"""The command line of `make test-cgroup2`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cgroup2.variants import RUNS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.cgroup2", *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("", list(RUNS)),
        ("systemd", ["systemd/sandbox", "systemd/adversarial"]),
        ("systemd/adversarial,crun", ["systemd/adversarial", "crun/limits"]),
    ],
)
def test_list_prints_the_selected_suites(only: str, expected: list[str]) -> None:
    assert run("--list", "--only", only).stdout.split() == expected


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    refused = run("--only", "systemd,upstart")

    assert refused.returncode == 2
    assert "--only: upstart: must be some of cgroupfs/sandbox, cgroupfs/adversarial" in refused.stderr


def test_both_drivers_are_tested_with_both_suites() -> None:
    assert {run.name for run in RUNS.values()} >= {
        f"{driver}/{suite}" for driver in ("cgroupfs", "systemd") for suite in ("sandbox", "adversarial")
    }
