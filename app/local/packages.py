"""The Debian packages of Pyxec, and their installation on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from app.local.console import SetupError, Step
from app.local.state import tail
from app.sandbox.images.apt_progress import AptProgress

__all__ = ["PACKAGES", "choose_package", "find_install_obstacle", "find_program", "has_systemd", "install_packages"]

# All packages for Debian 12 and 13 and Ubuntu 24.04, by the program or file that they contain. Of "a | b", the first
# one that the release contains is installed. The Makefile installs Python, without which this table cannot be read.
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    # `make up`
    "dockerd": ("docker.io", "iptables", "ca-certificates"),
    "nginx": ("nginx-light", "libnginx-mod-http-brotli-static"),
    "mmdebstrap": ("mmdebstrap", "debian-archive-keyring", "mount"),
    # `make test`. The tests of the runner build it on the host, with sanitizers.
    "gcc": ("gcc", "libc6-dev"),
    "docker": ("docker-cli | docker.io",),
    # Redis with TLS, which the embedded server does not support. On Debian this program is the server's binary under
    # another name. Its package does not start a service.
    "redis-check-rdb": ("redis-tools",),
    "openssl": ("openssl",),
    "curl": ("curl",),
    # Examples of the documentation use it.
    "jq": ("jq",),
    # Tests create namespaces with their own networks and mounts.
    "ip": ("iproute2",),
    "mount": ("mount",),
    "chromium": ("chromium",),
    # Checks and tests the alert rules.
    "promtool": ("promtool | prometheus",),
    # Compose of other releases of Debian is signed with its key.
    "/usr/share/keyrings/debian-archive-keyring.gpg": ("debian-archive-keyring",),
}
# The PATH of an ordinary user may not contain these folders.
_ADMIN_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
# With RUNLEVEL=1, maintainer scripts do not start services on a machine without an init system. `make up` starts them.
_APT_ENVIRONMENT: Final = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def find_program(program: str) -> str | None:
    """Return the path of a program, or None if it is not installed. An absolute path can be any file."""
    if program.startswith("/"):
        return program if Path(program).exists() else None
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(_ADMIN_FOLDERS))


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
        packages: Names of Debian packages. "a | b" installs the first one that exists.
        log: File to which the output of apt-get is appended.
        step: Shows the progress.

    Raises:
        SetupError: apt-get failed. The message contains the end of the log.
    """
    _run_apt_get(["update"], log, step)
    names = map(choose_package, packages)
    _run_apt_get(["install", "-y", "--no-install-recommends", *names], log, step)


def choose_package(alternatives: str) -> str:
    """Return the first package of "a | b" that an archive contains, or the last one, which apt-get then reports."""
    *names, last = alternatives.split(" | ")
    return next((name for name in names if _is_available(name)), last)


def _is_available(package: str) -> bool:
    done = subprocess.run(["apt-cache", "show", package], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0 and bool(done.stdout.strip())


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
