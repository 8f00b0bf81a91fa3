"""A guest with cgroup version 2 and its own Docker Engine, in user-mode Linux."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import docker
import requests
from docker.errors import DockerException

from app.core.errors import EngineUnavailable
from app.local.console import SetupError
from app.local.state import tail
from app.sandbox.engine.client import connect_docker
from tests.cgroup2.namespace import GUEST_ADDRESS, KERNEL, PORT, PREFIX
from tests.cgroup2.variants import Variant
from tests.engines.suite_engine import ensure_root
from tests.sandbox.engine_fixture import PrivateEngine

__all__ = ["TOOLS", "start_machine"]

# Commands that this module needs, and the Debian packages that contain them.
TOOLS: Final = {
    KERNEL: ("user-mode-linux",),
    "mmdebstrap": ("mmdebstrap", "debian-archive-keyring"),
    "mkfs.ext4": ("e2fsprogs",),
    "ip": ("iproute2",),
    "unshare": ("util-linux",),
}
_ROOT: Final = Path(__file__).resolve().parents[2]
_PACKAGES: Final = "crun,dbus,docker.io,iproute2,iptables,kmod,mount,procps,systemd,systemd-sysv"
_MODULES: Final = "/usr/lib/uml/modules"
_DISK_BYTES: Final = 16 * 2**30
_BOOT_SECONDS: Final = 180
_STOP_SECONDS: Final = 90
_ENGINE_SECONDS: Final = 600
_SCRIPT: Final = "pyxec-guest"
_SERVICE: Final = f"""[Unit]
After=basic.target
[Service]
ExecStart=/{_SCRIPT}
Delegate=yes
KillMode=process
TimeoutStopSec=20
[Install]
WantedBy=multi-user.target
"""
# Services of the packages that would start a second engine, or that only delay the boot.
_MASKED_SERVICES: Final = (
    *("docker.service", "docker.socket", "containerd.service"),
    *("getty.target", "systemd-logind.service", "apt-daily.timer"),
)
_NAMESPACES: Final = (
    *("unshare", "--net", "--pid", "--mount", "--propagation=private", "--fork", "--kill-child", "--mount-proc"),
)


@contextlib.contextmanager
def start_machine(variant: Variant, folder: Path, provide_images: Callable[[docker.APIClient], None]) -> Iterator[str]:
    """Boot a guest, yield the address of its engine, and stop it at the end.

    Args:
        folder: Contains the root file systems and the disks, which a later run uses again.
        provide_images: Loads the images into an engine.
    """
    root = ensure_root(variant.suite, folder, _PACKAGES)
    disk = _ensure_disk(folder / f"{variant.suite}.disk")
    # The path of a Unix socket is limited to 107 bytes (unix(7)).
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run", ignore_cleanup_errors=True) as run:
        shared = Path(run)
        _fill_disk(disk, shared, provide_images)
        _configure_root(root, shared, variant)
        log = folder / f"{variant.name}.log"
        with log.open("wb") as console:
            init = "/sbin/init" if variant.driver == "systemd" else f"/{_SCRIPT}"
            module = [sys.executable, "-m", "tests.cgroup2.namespace"]
            arguments = [str(path) for path in (root, disk, shared / "docker.sock", init)]
            guest = subprocess.Popen(
                [*_NAMESPACES, *module, *arguments],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        try:
            host = f"unix://{shared}/docker.sock"
            _await_engine(host, guest, log, shared / "dockerd.log")
            yield host
        finally:
            _stop(guest, shared / "stop")
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(shared / "dockerd.log", folder / f"{variant.name}.dockerd.log")


def _ensure_disk(disk: Path) -> Path:
    if not disk.exists():
        unfinished = disk.with_suffix(".unfinished")
        with unfinished.open("wb") as image:
            image.truncate(_DISK_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", str(unfinished)], check=True)
        unfinished.rename(disk)
    return disk


def _fill_disk(disk: Path, run: Path, provide_images: Callable[[docker.APIClient], None]) -> None:
    """Load the images with an engine of this machine, while the guest does not run. It is ten times faster."""
    mounted = run / "disk"
    mounted.mkdir()
    script = 'mount -o loop "$0" "$1" && shift && exec dockerd "$@"'
    launcher = (*("unshare", "--mount", "--propagation=private", "/bin/sh", "-c", script), str(disk), str(mounted))
    engine = PrivateEngine(run / "fill", mounted / "docker", ["--storage-driver=overlay2"], launcher)
    try:
        with contextlib.closing(engine.start()) as client:
            provide_images(client)
    finally:
        engine.stop()
        engine.kill_shims()


def _configure_root(root: Path, shared: Path, variant: Variant) -> None:
    options = [f"--exec-opt=native.cgroupdriver={variant.driver}"]
    if variant.runtime:
        options += [f"--add-runtime={variant.runtime}=/usr/bin/{variant.runtime}"]
    settings = {
        "SHARED": shared,
        "MODULES": _MODULES,
        "ADDRESS": GUEST_ADDRESS,
        "PREFIX": PREFIX,
        "PORT": PORT,
        "DOCKERD_OPTIONS": f"'{' '.join(options)}'",
    }
    (root / f"{_SCRIPT}.conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    shutil.copy(Path(__file__).with_name("guest.sh"), root / _SCRIPT)
    (root / _SCRIPT).chmod(0o755)
    units = root / "etc" / "systemd" / "system"
    (units / f"{_SCRIPT}.service").write_text(_SERVICE)
    started = units / "multi-user.target.wants"
    started.mkdir(exist_ok=True)
    _link(started / f"{_SCRIPT}.service", f"../{_SCRIPT}.service")
    for service in _MASKED_SERVICES:
        _link(units / service, "/dev/null")


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _await_engine(host: str, guest: subprocess.Popen[bytes], *logs: Path) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < deadline and guest.poll() is None:
        with contextlib.suppress(DockerException, requests.RequestException, EngineUnavailable):
            connect_docker(host, _ENGINE_SECONDS).close()
            return
        time.sleep(0.3)
    ends = "\n".join(f"End of {log}:\n{tail(log)}" for log in logs if log.exists())
    raise SetupError(f"the engine of the guest does not start. {ends}")


def _stop(guest: subprocess.Popen[bytes], request: Path) -> None:
    request.touch()
    try:
        guest.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # Ends all processes of the namespaces.
        guest.kill()
        guest.wait()
