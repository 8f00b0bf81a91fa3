"""The files of a release: deploy/compose.yaml, names of images, packages and checksums."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from deploy.release.compose_file import create_compose_file
from deploy.release.release import build_packages, image_names, write_checksums
from pyxec.version import VERSION
from tests.compose.releases import COMPOSE_RELEASES
from tests.deploy.test_compose_file import run_compose

ROOT = Path(__file__).resolve().parents[2]


def test_compose_file_for_published_images_is_up_to_date() -> None:
    files = ((ROOT / name).read_text() for name in ("docker-compose.yml", "docker-compose.override.yml"))

    is_current = (ROOT / "deploy" / "compose.yaml").read_text() == create_compose_file(*files)
    assert is_current, "run `python -m deploy.release.compose_file`"


@pytest.mark.parametrize("release", COMPOSE_RELEASES)
def test_compose_file_for_published_images_builds_nothing(release: str) -> None:
    done = run_compose(release, "-f", "deploy/compose.yaml", "config", PYXEC_IMAGE_PREFIX="registry.example.org/pyxec")

    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert {name for name, service in services.items() if "build" in service} == set()
    assert {name: service["image"] for name, service in services.items()} == image_names(
        ROOT, "registry.example.org/pyxec"
    )


def test_packages_have_one_version(tmp_path: Path) -> None:
    client, server = build_packages(ROOT, tmp_path)

    assert [path.name for path in (client, server)] == [
        f"pyxec-{VERSION}-py3-none-any.whl",
        f"pyxec_server-{VERSION}-py3-none-any.whl",
    ]
    assert "app/resources/languages/python.toml" in zipfile.ZipFile(server).namelist()
    # Kustomize has the version of the images, and CHANGELOG.md a section of the release.
    kustomization = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "kustomization.yaml").read_text())
    assert {image["newTag"] for image in kustomization["images"]} == {VERSION}
    assert re.search(rf"^## {re.escape(VERSION)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_checksums_are_those_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")

    assert write_checksums(tmp_path) == 2

    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "a: OK\nb: OK\n")
