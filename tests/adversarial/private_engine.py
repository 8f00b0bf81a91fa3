"""Run the adversarial suite on an engine of its own, with another container runtime.

    python -m tests.adversarial.private_engine crun [PYTEST_ARGUMENT...]

crun as Debian packages it refuses a machine on which both versions of control groups are mounted, as older init systems
leave them. So a second engine starts in a mount namespace of its own, where version 2 is unmounted. It has its own
socket and folders, makes no network and no firewall rule, leaves the machine's own engine alone, and is stopped at the
end. Images are handed over by the engine that has them, once for each version.
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
# A socket's path may have 107 bytes only: these are not below the repository.
RUN = Path("/run/pyxec-test-engine")
LANGUAGES = ("bash", "c", "cpp", "javascript", "python")
LOAD_SECONDS = 600
# The mounts this process makes are its own: they go with it, and the machine never sees them.
START = """
set -eu
awk '$3 == "cgroup2" && $2 != "/sys/fs/cgroup" { print $2 }' /proc/self/mounts | xargs -r umount
exec dockerd "$@"
"""


def main() -> int:
    """Return pytest's exit code; 2 when something is missing."""
    runtime, *arguments = sys.argv[1:] or ["crun"]
    program = shutil.which(runtime)
    missing = [name for name in ("dockerd", "unshare", runtime) if shutil.which(name) is None]
    if os.geteuid() != 0 or missing or program is None:
        what = f"install {', '.join(missing)}" if missing else "become root"
        sys.stderr.write(f"the suite with {runtime} needs an engine of its own: {what}\n")
        return 2
    with private_engine(runtime, program) as (host, client):
        load_images(docker.APIClient(base_url=engine_host(), version="auto", timeout=LOAD_SECONDS), client)
        environment = {**os.environ, "DOCKER_HOST": host, "PYXEC_CONTAINER_RUNTIME": runtime}
        command = [sys.executable, "-m", "pytest", "tests/adversarial", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment).returncode


@contextmanager
def private_engine(runtime: str, program: str) -> Iterator[tuple[str, docker.APIClient]]:
    """An engine that knows this runtime: its address and a client of it."""
    launcher = ("unshare", "--mount", "--propagation=private", "/bin/sh", "-c", START, "sh")
    engine = PrivateEngine(
        RUN, ROOT / ".pyxec" / "data" / "test-engine", [f"--add-runtime={runtime}={program}"], launcher
    )
    try:
        yield engine.host, engine.start()
    finally:
        engine.stop()


def load_images(source: docker.APIClient, target: docker.APIClient) -> None:
    """Hand over those images that the target does not have in the same version, all in one archive."""
    wanted = {f"pyxec/{language}:latest" for language in LANGUAGES}
    absent = sorted(wanted - {name for name in wanted if image_id(source, name) == image_id(target, name)})
    if not absent:
        return
    sys.stderr.write(f"handing over {', '.join(absent)}\n")
    names = [("names", name) for name in absent]
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
