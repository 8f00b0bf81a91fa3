"""Installation of Debian packages on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from app.local.console import SetupError, Step
from app.local.state import tail
from app.sandbox.images.apt_progress import AptProgress

__all__ = ["find_install_obstacle", "has_systemd", "install_packages"]

# With RUNLEVEL=1, maintainer scripts do not start services on a machine without an init system. `make up` starts them.
_APT_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def find_install_obstacle() -> str | None:
    """Return the reason why no package can be installed, or None if packages can be installed."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "this system is not Debian or Ubuntu"
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if not family & {"debian", "ubuntu"} or shutil.which("apt-get") is None:
        return f"{release.get('NAME', 'this system')} is not Debian or Ubuntu"
    return None if os.geteuid() == 0 else "automatic installation requires root"


def has_systemd() -> bool:
    """Whether systemd is the init system. A container can contain systemd without running it."""
    return Path("/run/systemd/system").is_dir()


def install_packages(packages: Sequence[str], log: Path, step: Step) -> None:
    """Install packages without their recommended packages.

    Args:
        packages: Names of Debian packages.
        log: File to which the output of apt-get is appended.
        step: Shows the progress.

    Raises:
        SetupError: apt-get failed. The message contains the end of the log.
    """
    _run_apt_get(["update"], log, step)
    _run_apt_get(["install", "-y", "--no-install-recommends", *packages], log, step)


def _run_apt_get(arguments: Sequence[str], log: Path, step: Step) -> None:
    environment = {**os.environ, **_APT_ENVIRONMENT, **({} if has_systemd() else {"RUNLEVEL": "1"})}
    command = ["apt-get", "-q", *arguments]
    progress = AptProgress()
    with (
        log.open("a") as sink,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            sink.write(line)
            step.advance(progress.read(line), line.strip())
    if process.returncode != 0:
        raise SetupError(f"{' '.join(command)} failed. End of {log}:\n{tail(log)}")
