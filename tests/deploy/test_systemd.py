"""The units of deploy/systemd."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="requires systemd")
def test_units_are_valid(tmp_path: Path) -> None:
    # Given the units for the checkout of this test instead of /opt/pyxec
    program = tmp_path / "bin" / "python"
    for name in (".venv/bin/python", "deploy/redis/scheduled-backup"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.symlink_to("/bin/true")
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/pyxec", str(tmp_path)))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(tmp_path / unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
    )

    # systemd-analyze also reports units of the system that it reads.
    problems = [line for line in done.stderr.splitlines() if "pyxec" in line and "docker.service" not in line]
    assert problems == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="requires systemd")
def test_an_invalid_unit_is_detected(tmp_path: Path) -> None:
    unit = tmp_path / "pyxec.service"
    unit.write_text("[Service]\nExecStart=/nonexistent/pyxec\n")

    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)

    assert "pyxec" in done.stderr
