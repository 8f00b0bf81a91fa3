"""Thresholds for the available memory of the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.sandbox.host_memory import HostMemory

TOTAL = 1000


@pytest.mark.parametrize(
    ("available", "is_low", "is_critical"),
    [
        (1000, False, False),
        (100, False, False),
        (99, True, False),
        (50, True, False),
        (49, True, True),
        (0, True, True),
    ],
)
def test_memory_is_low_below_a_tenth_and_critical_below_a_twentieth(
    tmp_path: Path, available: int, is_low: bool, is_critical: bool
) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal:  {TOTAL} kB\nMemFree:  1 kB\nMemAvailable:  {available} kB\nHugePages_Total:  0\n")

    memory = HostMemory(meminfo)

    assert (memory.is_low(), memory.is_critical()) == (is_low, is_critical)


@pytest.mark.parametrize("text", [None, "", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "nonsense", "MemTotal: x\n"])
def test_memory_is_never_low_when_meminfo_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    meminfo = tmp_path / "meminfo"
    if text is not None:
        meminfo.write_text(text)

    assert not HostMemory(meminfo).is_low()


def test_available_memory_of_this_machine_is_read() -> None:
    assert 0 < HostMemory()._available_fraction() < 1
