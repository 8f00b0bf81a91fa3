"""Programs that the tests use: `python -m app.local.test_tools` installs the missing ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error
from app.local.packages import PACKAGES, find_install_obstacle, find_program, install_packages
from app.local.state import StateFolder

__all__ = ["ensure_test_tools"]

_DEBIAN_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TOOLS: Final = (
    "gcc",
    "docker",
    "redis-check-rdb",
    "openssl",
    "curl",
    "jq",
    "ip",
    "mount",
    "nginx",
    "chromium",
    "promtool",
    _DEBIAN_KEYRING,
)


def ensure_test_tools(
    state: StateFolder,
    steps: Steps,
    tools: Sequence[str] = _TOOLS,
    packages: Mapping[str, Sequence[str]] = PACKAGES,
) -> None:
    """Install the packages of every program that is missing.

    Args:
        state: Folder for the log of apt-get.
        steps: Shows the progress.
        tools: Programs or files, which are keys of `packages`.
        packages: Packages by program.

    Raises:
        SetupError: A program is missing and cannot be installed.
    """
    missing = [program for program in tools if find_program(program) is None]
    with steps.step("test tools") as step:
        if missing:
            obstacle = find_install_obstacle()
            if obstacle:
                raise SetupError(f"missing for the tests: {', '.join(missing)}. Install them ({obstacle})")
            names = [package for program in missing for package in packages[program]]
            install_packages(names, state.log("apt"), step)
        step.outcome = f"{', '.join(missing)} installed" if missing else "all installed"


if __name__ == "__main__":
    with exit_on_error(), Steps(Console()) as all_steps:
        ensure_test_tools(StateFolder.for_checkout(Path.cwd()), all_steps)
