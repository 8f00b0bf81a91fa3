"""The base of all images: there, or pulled, or made from Debian packages where no image registry answers.

`python -m app.local.base_image` does nothing but that: `docker-compose up --build` needs no more from this machine.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import DockerException, ImageNotFound
from rich.console import Console

from app.core.errors import PyxecError
from app.local.engine import engine_host, ensure_engine
from app.local.errors import SetupError, exit_with
from app.local.packages import install_packages, why_not_installable
from app.local.state import StateFolder
from app.local.steps import Step, Steps
from app.sandbox.images.installed import BASE_IMAGE

__all__ = ["ensure_base"]

_SUITE = "bookworm"
# A firewall that drops packets answers nothing at all: silence this long means that there is no registry.
_SILENCE_SECONDS = 10
_PULL_SECONDS = 180
_MMDEBSTRAP = (
    "mmdebstrap",
    "--variant=minbase",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/lintian/*",
    '--aptopt=Acquire::Languages "none"',
    _SUITE,
)
# It announces every stage of its work with a line like this; there are so many of them.
_STAGE_PREFIX = "I: "
_STAGES = 15


def ensure_base(client: docker.APIClient, state: StateFolder, step: Step) -> None:
    """Make sure that the engine has the base image.

    Raises:
        SetupError: it could be neither pulled nor made.
    """
    if _is_there(client):
        step.outcome = f"{BASE_IMAGE}, was there"
    elif _pull(client, step):
        step.outcome = f"{BASE_IMAGE}, pulled"
    else:
        _bootstrap(client, state, step)
        step.outcome = f"{BASE_IMAGE}, made from Debian packages"


def _is_there(client: docker.APIClient) -> bool:
    try:
        client.inspect_image(BASE_IMAGE)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return False
    return True


def _pull(client: docker.APIClient, step: Step) -> bool:
    """Whether a registry had it. Any failure only means that it has to be made here."""
    repository, tag = BASE_IMAGE.split(":")
    patient = docker.APIClient(base_url=engine_host(), version="auto", timeout=_SILENCE_SECONDS)
    deadline = time.monotonic() + _PULL_SECONDS
    step.advance(0, "asking the image registry")
    try:
        for message in patient.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in message or time.monotonic() > deadline:
                return False
            step.advance(_pulled(message), str(message.get("status", "")))
    except (DockerException, requests.RequestException):
        return False
    finally:
        patient.close()
    return _is_there(client)


def _pulled(message: dict[str, Any]) -> float:
    detail = message.get("progressDetail") or {}
    return float(detail.get("current", 0)) / float(detail.get("total") or 1)


def _bootstrap(client: docker.APIClient, state: StateFolder, step: Step) -> None:
    if shutil.which("mmdebstrap") is None:
        obstacle = why_not_installable()
        if obstacle:
            raise SetupError(f"missing: the image {BASE_IMAGE}; no image registry answers, and {obstacle}")
        install_packages(("mmdebstrap", "debian-archive-keyring"), state.log("apt"), step)
    archive = state.path / "base.tar"
    try:
        _make_archive(archive, state.log("mmdebstrap"), step)
        step.advance(1, "importing")
        repository, tag = BASE_IMAGE.split(":")
        client.import_image(src=str(archive), repository=repository, tag=tag)
    except (DockerException, requests.RequestException) as e:
        raise SetupError(f"the engine does not take the image {BASE_IMAGE}: {e}") from e
    finally:
        archive.unlink(missing_ok=True)


def _make_archive(archive: Path, log: Path, step: Step) -> None:
    command = [*_MMDEBSTRAP, str(archive)]
    with (
        log.open("w") as sink,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as maker,
    ):
        assert maker.stderr is not None
        stage = 0
        for line in maker.stderr:
            sink.write(line)
            if line.startswith(_STAGE_PREFIX):
                stage += 1
                step.advance(min(1.0, stage / _STAGES), line.removeprefix(_STAGE_PREFIX).strip())
    if maker.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise SetupError(f"cannot make the image {BASE_IMAGE}; the log is {log}\n{tail}")


def main() -> None:
    """Bring an engine that answers, and the base onto it."""
    state = StateFolder.of_repository(Path.cwd())
    try:
        with Steps(Console()) as steps:
            with steps.step("Docker Engine") as step:
                client = ensure_engine(state, step)
            with steps.step("base image") as step:
                ensure_base(client, state, step)
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()
