"""Debian packages on this machine: whether we may install any, and doing it with a bar and a log."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from app.local.errors import SetupError
from app.local.steps import Step
from app.sandbox.images.apt_progress import AptProgress

__all__ = ["has_systemd", "install_packages", "why_not_installable"]

# RUNLEVEL=1 keeps maintainer scripts from starting a service where no init system runs: we start it ourselves.
_APT_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def why_not_installable() -> str | None:
    """Why no package can be installed here, as half a sentence; None when it can be done."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "this is no Debian or Ubuntu"
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if not family & {"debian", "ubuntu"} or shutil.which("apt-get") is None:
        return f"{release.get('NAME', 'this system')} is no Debian or Ubuntu"
    return None if os.geteuid() == 0 else "that needs root"


def has_systemd() -> bool:
    """Whether systemd runs this machine; in a container or a chroot it may be installed and still not run."""
    return Path("/run/systemd/system").is_dir()


def install_packages(packages: Sequence[str], log: Path, step: Step) -> None:
    """Install Debian packages without what they merely recommend.

    Raises:
        SetupError: apt failed; the message has the end of its log.
    """
    _apt(["update"], log, step)
    _apt(["install", "-y", "--no-install-recommends", *packages], log, step)


def _apt(arguments: Sequence[str], log: Path, step: Step) -> None:
    environment = {**os.environ, **_APT_ENVIRONMENT, **({} if has_systemd() else {"RUNLEVEL": "1"})}
    command = ["apt-get", "-q", *arguments]
    meter = AptProgress()
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
        ) as apt,
    ):
        assert apt.stdout is not None
        for line in apt.stdout:
            sink.write(line)
            step.advance(meter.read(line), line.strip())
    if apt.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise SetupError(f"{' '.join(command)} failed; its log is {log}\n{tail}")
