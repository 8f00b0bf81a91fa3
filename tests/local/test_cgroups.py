"""Mounting the cgroup file systems on a machine without an init system."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.local.cgroups import ensure_cgroups

ROOT = Path(__file__).parents[2]
CGROUP_ROOT = Path("/sys/fs/cgroup")
ENSURE = "from app.local.cgroups import ensure_cgroups; ensure_cgroups()"

requires_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def run_in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in its own mount namespace, in which /sys/fs/cgroup is empty."""
    command = ["unshare", "--mount", "--propagation=private", "sh", "-eu", "-c"]
    return subprocess.run(
        [*command, f"mount -t tmpfs tmpfs {CGROUP_ROOT}; {script}"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable, "ENSURE": ENSURE},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_ensure_cgroups_keeps_mounted_file_systems() -> None:
    before = Path("/proc/self/mountinfo").read_text()

    ensure_cgroups()

    assert Path("/proc/self/mountinfo").read_text() == before


@requires_root
def test_ensure_cgroups_mounts_the_controllers_without_the_command_mount() -> None:
    show = "cd /sys/fs/cgroup; cat cgroup.controllers 2> /dev/null || ls -d */cgroup.procs"
    done = run_in_namespace(f'PATH=/nonexistent "$PYTHON" -c "$ENSURE"; {show}')

    assert done.returncode == 0, done.stderr
    controllers = set(done.stdout.replace("/cgroup.procs", "").split())
    assert {"memory", "pids", "cpu"} <= controllers


@requires_root
def test_ensure_cgroups_names_the_missing_controllers() -> None:
    # Given a directory that a container has filled with something else
    done = run_in_namespace('mkdir /sys/fs/cgroup/other; "$PYTHON" -c "$ENSURE"')

    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith(
        "the cgroup controllers cpu, memory, pids are not available below /sys/fs/cgroup: enable them in the kernel "
        "or, in a container, mount the file system there"
    )
