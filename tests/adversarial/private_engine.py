"""Runs the adversarial tests on a private engine with another OCI runtime.

    python -m tests.adversarial.private_engine crun [PYTEST_ARGUMENT...]

Debian's crun refuses a machine on which both cgroup versions are mounted. Therefore, the private engine starts in a
mount namespace in which version 2 is unmounted. It has its own socket and folders, creates no network and no firewall
rules, and is stopped at the end. Images are copied from the engine of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker

from app.local.engine import engine_host
from tests.sandbox.engine_fixture import PrivateEngine

ROOT = Path(__file__).resolve().parents[2]
# Not below the repository: the path of a Unix socket has at most 107 bytes (unix(7)).
RUN = Path("/run/pyxec-test-engine")
LANGUAGES = ("bash", "c", "cpp", "javascript", "python")
LOAD_SECONDS = 600
# The mount namespace is private: the machine is not affected.
START = """
set -eu
awk '$3 == "cgroup2" && $2 != "/sys/fs/cgroup" { print $2 }' /proc/self/mounts | xargs -r umount
exec dockerd "$@"
"""


def main() -> int:
    """Return the exit code of pytest, or 2 if a dependency is missing."""
    runtime, *arguments = sys.argv[1:] or ["crun"]
    program = shutil.which(runtime)
    missing = [name for name in ("dockerd", "unshare", runtime) if shutil.which(name) is None]
    if os.geteuid() != 0 or missing or program is None:
        action = f"install {', '.join(missing)}" if missing else "become root"
        sys.stderr.write(f"the tests with {runtime} require a private engine: {action}\n")
        return 2
    with private_engine(runtime, program) as (host, client):
        load_images(docker.APIClient(base_url=engine_host(), version="auto", timeout=LOAD_SECONDS), client)
        environment = {**os.environ, "DOCKER_HOST": host, "PYXEC_CONTAINER_RUNTIME": runtime}
        command = [sys.executable, "-m", "pytest", "tests/adversarial", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment).returncode


@contextmanager
def private_engine(runtime: str, program: str) -> Iterator[tuple[str, docker.APIClient]]:
    """Start an engine with this runtime. Yields its address and a client."""
    launcher = ("unshare", "--mount", "--propagation=private", "/bin/sh", "-c", START, "sh")
    engine = PrivateEngine(
        RUN, ROOT / ".pyxec" / "data" / "test-engine", [f"--add-runtime={runtime}={program}"], launcher
    )
    try:
        yield engine.host, engine.start()
    finally:
        engine.stop()


def load_images(source: docker.APIClient, target: docker.APIClient) -> None:
    """Copy the images that the target lacks or has in another version, in one archive."""
    wanted = {f"pyxec/{language}:latest" for language in LANGUAGES}
    missing_images = sorted(wanted - {name for name in wanted if image_id(source, name) == image_id(target, name)})
    if not missing_images:
        return
    sys.stderr.write(f"copying {', '.join(missing_images)}\n")
    names = [("names", name) for name in missing_images]
    api: Any = source
    archive = api._get(api._url("/images/get"), params=names, stream=True)
    api._raise_for_status(archive)
    for _ in target.load_image(archive.iter_content(1 << 20)):
        pass


def image_id(client: docker.APIClient, name: str) -> str | None:
    found: list[dict[str, str]] = client.images(name)
    return found[0]["Id"] if found else None


if __name__ == "__main__":
    sys.exit(main())
