"""What the tests need of this machine besides an engine: `python -m app.local.test_tools` installs what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

from app.core.errors import PyxecError
from app.local.errors import SetupError, exit_with
from app.local.packages import install_packages, why_not_installable
from app.local.state import StateFolder
from app.local.steps import Steps

__all__ = ["TOOLS", "ensure_test_tools"]

# Program -> the Debian packages that bring it. The runner is built on the host too, with sanitizers, to be driven bare.
TOOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "gcc": ("gcc", "libc6-dev"),
    "docker": ("docker.io",),
    # The broker over TLS, which the embedded server was built without. On Debian this program is the server's own
    # binary under another name, without the package that would start a service.
    "redis-check-rdb": ("redis-tools",),
    "openssl": ("openssl",),
    "nginx": ("nginx-light",),
    "chromium": ("chromium",),
    "docker-compose": ("docker-compose",),
    # Checks the alert rules, and tries them on figures.
    "promtool": ("prometheus",),
}


def ensure_test_tools(state: StateFolder, steps: Steps, tools: Mapping[str, tuple[str, ...]] = TOOLS) -> None:
    """Install the packages of every program that is not on PATH.

    Raises:
        SetupError: something is missing, and nothing can be installed here; one line says what.
    """
    missing = [program for program in tools if shutil.which(program) is None]
    with steps.step("test tools") as step:
        if missing:
            obstacle = why_not_installable()
            if obstacle:
                raise SetupError(f"missing for the tests: {', '.join(missing)} ({obstacle}, so we cannot install it)")
            packages = [package for program in missing for package in tools[program]]
            install_packages(packages, state.log("apt"), step)
        step.outcome = f"{', '.join(missing)} installed" if missing else "all there"


def main() -> None:
    """For the repository in this folder."""
    try:
        with Steps(Console()) as steps:
            ensure_test_tools(StateFolder.of_repository(Path.cwd()), steps)
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()
