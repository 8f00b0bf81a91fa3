"""`make release`: writes the packages, the images, the SBOM and the checksums of a release to ``dist/``."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml
from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error
from deploy.supply.sbom import write_sboms
from pyxec.version import VERSION

__all__ = ["build_image", "build_packages", "build_release", "image_names", "write_checksums"]

_DEFAULT_PREFIX: Final = "pyxec"
_CHECKSUMS: Final = "SHA256SUMS"


def build_release(root: Path, folder: Path, steps: Steps) -> None:
    """Build every file of the release of the current version.

    Args:
        root: The checkout.
        folder: Folder for the files. It is emptied.
        steps: Shows the progress.

    Raises:
        SetupError: HEAD has a tag of another version, or a command failed.
    """
    _check_tag(root)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with steps.step("packages") as step:
        step.outcome = ", ".join(path.name for path in build_packages(root, folder))
    with steps.step("SBOM") as step:
        step.outcome = ", ".join(path.name for path in write_sboms(root, folder))
    prefix = os.environ.get("PYXEC_IMAGE_PREFIX") or _DEFAULT_PREFIX
    images = image_names(root, prefix)
    for service, image in images.items():
        with steps.step(f"image {service}") as step:
            build_image(root, service, image)
            step.outcome = image
    with steps.step("archive of the images") as step:
        archive = folder / f"pyxec-images-{VERSION}.tar.gz"
        _save_images(list(images.values()), archive)
        step.outcome = archive.name
    for name in ("deploy/compose.yaml", "LICENSE", "CHANGELOG.md"):
        shutil.copy(root / name, folder)
    with steps.step("checksums") as step:
        step.outcome = f"{write_checksums(folder)} files in {folder / _CHECKSUMS}"


def build_packages(root: Path, folder: Path) -> list[Path]:
    """Build the wheels of the client and of the server."""
    for project in (root / "pyxec", root):
        options: list[str | Path] = [
            "--no-deps",
            "--no-build-isolation",
            "--disable-pip-version-check",
            "-q",
            "-w",
            folder,
        ]
        _run([sys.executable, "-m", "pip", "wheel", *options, project], root)
    return sorted(folder.glob("*.whl"))


def image_names(root: Path, prefix: str) -> dict[str, str]:
    """Return the names of the images of all services of docker-compose.yml, tagged with the version."""
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    return {service: f"{prefix}-{service}:{VERSION}" for service in services}


def write_checksums(folder: Path) -> int:
    """Write the checksums of all files in the format of ``sha256sum --check``. Return the number of files."""
    files = sorted(path for path in folder.iterdir() if path.name != _CHECKSUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / _CHECKSUMS).write_text("".join(lines))
    return len(files)


def _check_tag(root: Path) -> None:
    tags = _run(["git", "tag", "--points-at", "HEAD"], root).split()
    others = [tag for tag in tags if tag.startswith("v") and tag != f"v{VERSION}"]
    if others:
        raise SetupError(f"HEAD has the tag {others[0]}, but pyxec/version.py contains {VERSION}")
    if f"v{VERSION}" in tags and f"\n## {VERSION} (unreleased)" in (root / "CHANGELOG.md").read_text():
        raise SetupError(f"CHANGELOG.md: replace `unreleased` in the section {VERSION} by the date of the release")


def build_image(root: Path, service: str, image: str) -> None:
    """Build the image of a service of docker-compose.yml.

    Raises:
        SetupError: The build failed.
    """
    targets = {"redis": "redis", "web": "web"}
    # As in builds of language images: an engine that `make up` has started has no network for containers.
    options = ["--network", "host", "--label", f"org.opencontainers.image.version={VERSION}"]
    arguments = {"BASE": os.environ.get("PYXEC_BASE_IMAGE"), "EXTRA_CA": os.environ.get("PYXEC_EXTRA_CA")}
    for name, value in arguments.items():
        options += ["--build-arg", f"{name}={value}"] if value else []
    target = targets.get(service, "service")
    _run(
        ["docker", "build", "-q", "-f", "deploy/Dockerfile", "--target", target, "-t", image, *options, "."],
        root,
    )


def _save_images(images: Sequence[str], path: Path) -> None:
    """Write one archive of all images, because they share most of their layers."""
    with (
        subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving,
        gzip.open(path, "wb", compresslevel=6) as archive,
    ):
        assert saving.stdout is not None
        shutil.copyfileobj(saving.stdout, archive)
    if saving.returncode != 0:
        raise SetupError(f"docker save {' '.join(images)} failed")


def _run(command: list[str | Path], root: Path) -> str:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    with exit_on_error(), Steps(Console()) as release_steps:
        build_release(Path.cwd(), Path("dist"), release_steps)
