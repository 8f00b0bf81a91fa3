"""`make test-bare`: runs `make up`, a job and `make down` on minimal systems, and prints the time of each step."""

from __future__ import annotations

import argparse
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from app.local.console import SetupError, Steps, exit_on_error
from app.local.state import StateFolder
from app.local.test_tools import ensure_test_tools
from tests.bare.bare_system import CHECKOUT, BareSystem, remove_root
from tests.ports import free_port
from tests.root_file_system import RELEASES, Release, make_root

__all__ = ["check_release"]

_SUITES: Final = ("bookworm", "trixie", "noble")
# make and git, as a user has who has cloned the repository. Ubuntu counts apt as optional.
_PACKAGES: Final = "apt,make,ca-certificates,git"
# A socket and folders of its own, so that the engine can run next to that of the machine.
_ENGINE: Final = {"DOCKER_HOST": "unix:///run/pyxec-bare.sock"}
_UP_BUDGET_SECONDS: Final = 180.0
_UP_TIMEOUT_SECONDS: Final = 900.0
_DOWN_TIMEOUT_SECONDS: Final = 180.0
_COMMAND_TIMEOUT_SECONDS: Final = 3600.0


@dataclass
class ReleaseReport:
    """The result of a release.

    Attributes:
        log: File with the output of the commands.
        seconds: Duration of each step that was started.
        failure: Why the last step failed, or an empty string.
    """

    release: Release
    log: Path
    seconds: dict[str, float] = field(default_factory=dict)
    failure: str = ""

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Measure the block as a step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = time.monotonic() - started


def check_release(release: Release, state: StateFolder, command: str = "") -> ReleaseReport:
    """Make a system of a release, clone the checkout in it and run the service.

    Args:
        release: The release.
        state: Folder for the root file system, which is deleted at the end, and for the log.
        command: Shell command to run instead of `make up`, a job and `make down`.
    """
    report = ReleaseReport(release, state.log(f"bare-{release.suite}"))
    report.log.write_text("")
    root = state.data("bare") / release.suite
    try:
        remove_root(root)
        with report.measure("root file system"):
            make_root(release, root, _PACKAGES, "minbase")
            clone = ["git", "clone", "--quiet", "--no-local", str(Path.cwd()), str(root / CHECKOUT.lstrip("/"))]
            subprocess.run(clone, check=True, capture_output=True, text=True)
        if command:
            _check_command(root, command, report)
        else:
            _check_service(root, report)
    except subprocess.CalledProcessError as e:
        report.failure = f"{e}: {e.stderr}"
    except (AssertionError, subprocess.TimeoutExpired, httpx.HTTPError) as e:
        report.failure = str(e)
    finally:
        remove_root(root)
    return report


def _check_service(root: Path, report: ReleaseReport) -> None:
    api = f"127.0.0.1:{free_port()}"
    variables = {
        "PYXEC_HTTP_BIND": api,
        "PYXEC_WEB_BIND": f"127.0.0.1:{free_port()}",
        "VALKEY_PORT": str(free_port()),
        "PYXEC_NAMESPACE": f"bare-{secrets.token_hex(3)}",
    }
    with BareSystem(root, _ENGINE | variables, report.log) as system:
        with report.measure("make up"):
            system.run(["make", "up"], _UP_TIMEOUT_SECONDS)
        with report.measure("job over HTTP"):
            _run_job(f"http://{api}")
        with report.measure("make down"):
            system.run(["make", "down"], _DOWN_TIMEOUT_SECONDS)
        remaining = system.list_processes()
        assert not remaining, f"these processes run after `make down`: {', '.join(remaining)}"


def _check_command(root: Path, command: str, report: ReleaseReport) -> None:
    with BareSystem(root, _ENGINE, report.log) as system, report.measure(command):
        system.run(["sh", "-c", command], _COMMAND_TIMEOUT_SECONDS)


def _run_job(url: str) -> None:
    body = {"language": "python", "source": "print(6 * 7)"}
    job = httpx.post(f"{url}/v1/jobs", params={"wait": 20}, json=body, timeout=30, trust_env=False).json()
    assert (job.get("outcome"), job.get("stdout")) == ("ok", "42\n"), job


def _format_table(reports: list[ReleaseReport]) -> Table:
    table = Table("release", "step", "seconds", "")
    for report in reports:
        for step, seconds in report.seconds.items():
            over = step == "make up" and seconds > _UP_BUDGET_SECONDS
            table.add_row(
                report.release.name, step, f"{seconds:.1f}", f"above {_UP_BUDGET_SECONDS:g} s" if over else ""
            )
    return table


def main() -> None:
    """Check the releases that the arguments name, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bare.check", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"{', '.join(_SUITES)}; all by default")
    parser.add_argument("--command", default="", help="shell command to run instead, for example 'make test'")
    arguments = parser.parse_args()
    unknown = set(arguments.suites) - set(_SUITES)
    if unknown:
        parser.error(f"unknown suites: {', '.join(sorted(unknown))}")
    releases = [RELEASES[suite] for suite in arguments.suites or _SUITES]
    state, console = StateFolder.for_checkout(Path.cwd()), Console()
    reports = []
    with exit_on_error():
        with Steps(console) as steps:
            ensure_test_tools(state, steps, ["mmdebstrap"])
            for release in releases:
                step = steps.start(release.name)
                reports.append(report := check_release(release, state, arguments.command))
                if report.failure:
                    step.fail()
                else:
                    step.succeed("passed")
        console.print(_format_table(reports))
        failures = [f"{report.release.name}: {report.failure}" for report in reports if report.failure]
        if failures:
            raise SetupError("\n".join(failures))


if __name__ == "__main__":
    main()
