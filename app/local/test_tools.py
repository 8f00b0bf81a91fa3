"""Programs that the tests use: `python -m app.local.test_tools` installs the missing ones."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error
from app.local.packages import find_install_obstacle, install_packages
from app.local.state import StateFolder

__all__ = ["TOOLS", "ensure_test_tools"]

# Debian packages by program.
TOOLS: Final[Mapping[str, tuple[str, ...]]] = {
    # The tests of the runner build it on the host, with sanitizers.
    "gcc": ("gcc", "libc6-dev"),
    "docker": ("docker.io",),
    # Redis with TLS, which the embedded server does not support. On Debian this program is the server's binary under
    # another name. Its package does not start a service.
    "redis-check-rdb": ("redis-tools",),
    "openssl": ("openssl",),
    "nginx": ("nginx-light",),
    "chromium": ("chromium",),
    # Checks and tests the alert rules.
    "promtool": ("prometheus",),
}


def ensure_test_tools(state: StateFolder, steps: Steps, tools: Mapping[str, tuple[str, ...]] = TOOLS) -> None:
    """Install the packages of every program that is not on PATH.

    Raises:
        SetupError: A program is missing and cannot be installed.
    """
    missing = [program for program in tools if shutil.which(program) is None]
    with steps.step("test tools") as step:
        if missing:
            obstacle = find_install_obstacle()
            if obstacle:
                raise SetupError(f"missing for the tests: {', '.join(missing)}. Install them ({obstacle})")
            packages = [package for program in missing for package in tools[program]]
            install_packages(packages, state.log("apt"), step)
        step.outcome = f"{', '.join(missing)} installed" if missing else "all installed"


if __name__ == "__main__":
    with exit_on_error(), Steps(Console()) as all_steps:
        ensure_test_tools(StateFolder.for_checkout(Path.cwd()), all_steps)
