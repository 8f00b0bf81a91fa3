"""Counters of both cgroup versions, independent of the version of the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

VERSION_1 = {
    "cpuacct/cpuacct.usage": "1234567890\n",
    "memory/memory.usage_in_bytes": "4096\n",
    "memory/memory.max_usage_in_bytes": "18446744073709551615\n",
    "memory/memory.limit_in_bytes": "16384\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
    "pids/pids.events": "max 3\n",
}
VERSION_2 = {
    "cpu.stat": "usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\nnr_periods 0\n",
    "memory.current": "4096\n",
    "memory.peak": "8192\n",
    "memory.max": "16384\n",
    "memory.events": "low 0\nhigh 0\nmax 12\noom 9\noom_kill 7\noom_group_kill 0\n",
    "pids.events": "max 3\n",
}


@pytest.fixture(scope="session")
def reader(build_folder: Path) -> Path:
    sources = [Path(__file__).parent / "read_cgroup.c", build_folder / "usage" / "cgroup.c"]
    program = build_folder / "build" / "read_cgroup"
    subprocess.run(["gcc", "-D_GNU_SOURCE", "-I", build_folder, "-o", program, *sources], check=True)
    return program


def read(reader: Path, root: Path, files: dict[str, str]) -> list[int]:
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return [int(word) for word in subprocess.run([reader, root], capture_output=True, check=True).stdout.split()]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (VERSION_1, [1, 1234567, 4096, 2**64 - 1, 16384, 7, 3]),
        (VERSION_2, [1, 1234567, 4096, 8192, 16384, 7, 3]),
        (
            {**VERSION_1, "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"},
            [1, 1234567, 4096, 2**64 - 1, 16384, 0, 3],
        ),
        (
            {name: text for name, text in VERSION_2.items() if name != "memory.peak"},
            [1, 1234567, 4096, 0, 16384, 7, 3],
        ),
        ({**VERSION_2, "memory.max": "max\n"}, [1, 1234567, 4096, 8192, 0, 7, 3]),
        ({"memory.current": "4096\n"}, [0, 0, 4096, 0, 0, 0, 0]),
        (dict.fromkeys(VERSION_2, ""), [1, 0, 0, 0, 0, 0, 0]),
        (dict.fromkeys(VERSION_2, "garbage"), [1, 0, 0, 0, 0, 0, 0]),
        ({}, [0] * 7),
    ],
)
def test_cgroup_counters_of_both_versions(
    reader: Path, tmp_path: Path, files: dict[str, str], expected: list[int]
) -> None:
    assert read(reader, tmp_path, files) == expected


def test_cgroup_counters_are_zero_without_a_mount(reader: Path, tmp_path: Path) -> None:
    assert read(reader, tmp_path / "missing", {}) == [0] * 7
