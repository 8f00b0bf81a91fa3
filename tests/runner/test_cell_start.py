"""PID 1 of a cell on a host without user namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.sandbox.cells.protocol import decode_reports

# A user namespace with all users, in which no further one can be created, as with user.max_user_namespaces=0.
START_WITHOUT_USER_NAMESPACES = """
import ctypes, os, sys
CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x20000
libc = ctypes.CDLL(None, use_errno=True)
print("unshared" if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 else "refused", flush=True)
if os.read(0, 1) != b"m":
    sys.exit()
os.setresgid(0, 0, 0)
os.setresuid(0, 0, 0)
with open("/proc/sys/user/max_user_namespaces", "w") as limit:
    limit.write("0")
os.execv(sys.argv[1], [sys.argv[1], "--cell", "20000", "20001"])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="maps users of the host")
def test_cell_reports_that_the_host_has_no_user_namespaces(runner_binary: Path) -> None:
    command = [sys.executable, "-c", START_WITHOUT_USER_NAMESPACES, runner_binary]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"unshared\n":
            pytest.skip("this process cannot create user namespaces, for example in a chroot")
        for file in ("gid_map", "uid_map"):
            Path(f"/proc/{process.pid}/{file}").write_text("0 0 65536")
        _, stderr = process.communicate(b"m", timeout=20)

    reports, rest = decode_reports(stderr)
    assert (len(reports), rest) == (1, b"")
    assert "user namespace" in str(reports[0])
    assert process.returncode == 1
