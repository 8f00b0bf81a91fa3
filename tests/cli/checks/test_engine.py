"""Engine checks of ``pyxec doctor``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.cli.checks.engine import check_core_pattern, check_engine
from app.cli.checks.finding import Finding, Status
from app.local.engine import engine_host
from app.sandbox.engine.requirements import EngineDescription, describe_engine
from tests.sandbox.engine.version_proxy import version_proxy

pytestmark = pytest.mark.docker


def findings(folder: Path, info: Mapping[str, object], runtime: str = "") -> dict[str, Finding]:
    """Check the engine of this machine with other fields in its description."""
    with version_proxy(folder, engine_host().removeprefix("unix://"), info=info) as proxy:
        return {finding.check: finding for finding in check_engine(proxy.url, 10, runtime)}


def test_check_engine_reports_the_kernel_and_cgroups_of_the_engine(tmp_path: Path) -> None:
    remote = {
        "KernelVersion": "6.1.0-remote",
        "OperatingSystem": "Debian GNU/Linux 13 (trixie)",
        "CgroupVersion": "2",
        "CgroupDriver": "systemd",
    }

    checked = findings(tmp_path, remote)

    assert "Debian GNU/Linux 13 (trixie), linux, 6.1.0-remote" in checked["kernel of the engine"].detail
    assert "version 2, driver systemd" in checked["cgroups"].detail
    assert checked["core dumps"].status is Status.SKIPPED
    assert "runs on another machine" in checked["core dumps"].detail


@pytest.mark.parametrize(
    ("info", "runtime", "check"),
    [
        ({"PidsLimit": False}, "", "cgroups"),
        ({"SecurityOptions": []}, "", "system call filter"),
        ({}, "crun", "OCI runtime"),
        ({"OSType": "windows"}, "", "Docker Engine"),
    ],
)
def test_check_engine_fails_for_a_missing_feature(
    tmp_path: Path, info: Mapping[str, object], runtime: str, check: str
) -> None:
    failed = {
        name: finding for name, finding in findings(tmp_path, info, runtime).items() if finding.status == "failed"
    }

    assert set(failed) == {check}


def test_check_engine_warns_about_missing_swap_accounting(tmp_path: Path) -> None:
    assert findings(tmp_path, {"SwapLimit": False})["cgroups"].status is Status.WARNING


def test_check_engine_fails_without_an_engine(tmp_path: Path) -> None:
    (finding,) = check_engine(f"unix://{tmp_path}/absent.sock", 1, "")

    assert finding.status is Status.FAILED
    assert finding.detail.endswith("start it, or set DOCKER_HOST to its address")


@pytest.mark.parametrize(
    ("pattern", "status"),
    [("core\n", Status.OK), ("\n", Status.OK), ("|/usr/share/apport/apport -p%p\n", Status.WARNING)],
)
def test_check_core_pattern_warns_about_a_pipe(tmp_path: Path, pattern: str, status: Status) -> None:
    file = tmp_path / "core_pattern"
    file.write_text(pattern)

    assert check_core_pattern(describe_local_engine(), file).status is status


def test_check_core_pattern_skips_a_missing_file(tmp_path: Path) -> None:
    assert check_core_pattern(describe_local_engine(), tmp_path / "absent").status is Status.SKIPPED


def describe_local_engine() -> EngineDescription:
    engine = describe_engine(engine_host())
    assert engine.shares_local_kernel()
    return engine
