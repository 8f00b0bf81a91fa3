"""`pyxec images` on this machine's engine. Only languages of a test's own folder get images or lose them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import msgspec
import pytest

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.build_context import BuildContext
from app.sandbox.images.catalogue import load_languages
from app.sandbox.images.digests import ImageDigests
from app.sandbox.images.docker_build import CLASSIC_BUILDER, build_image
from app.sandbox.images.installed import BUILT_LABEL, DIGEST_LABEL, LANGUAGE_LABEL, VERSION_LABEL
from app.sandbox.images.removal import remove_images
from tests.cli.conftest import ROOT

pytestmark = pytest.mark.docker

OTHER_DIGEST = "0" * 16


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    client = connect_docker(engine_host(), 300)
    yield client
    client.close()


@pytest.fixture
def toy(client: docker.APIClient, tmp_path: Path) -> Iterator[str]:
    """The id of a language in the folder `tmp_path`."""
    name = f"toy-{secrets.token_hex(4)}"
    (tmp_path / f"{name}.toml").write_text(f'id = "{name}"\nname = "Toy"\nextends = "bash"\n')
    yield name
    remove_images(client, [name])


def create_image(client: docker.APIClient, language: str, digest: str, built: float) -> None:
    """Create an image with the labels and tags of a language image. ``latest`` becomes its tag."""
    labels = {LANGUAGE_LABEL: language, VERSION_LABEL: "1", DIGEST_LABEL: digest, BUILT_LABEL: str(built)}
    build_image(
        client,
        language,
        BuildContext({"Dockerfile": b"FROM pyxec/bash\n"}, ""),
        lambda fraction, line: None,
        builder=CLASSIC_BUILDER,
        arguments={},
        labels=labels,
        tags=[f"pyxec/{language}:{digest}", f"pyxec/{language}:latest"],
    )


def images(*arguments: str, languages: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "images", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "PYXEC_LANGUAGES": str(languages or "")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_images_list_shows_versions() -> None:
    listed = msgspec.json.decode(images("list", "--json").stdout)

    python = next(image for image in listed if image["language"] == "python")
    assert python["version"].startswith("3.")
    assert python["size_bytes"] > 0
    assert any({"python", python["version"]} <= set(line.split()) for line in images("list").stdout.splitlines())


@pytest.mark.parametrize("is_built", [True, False], ids=["own-image", "no-own-image"])
def test_images_list_prefers_the_image_of_this_checkout_when_another_one_was_built_later(
    client: docker.APIClient, toy: str, tmp_path: Path, is_built: bool
) -> None:
    # Given an image of another checkout, which was built later and has the tag `latest`
    catalogue = load_languages(ROOT / "languages", tmp_path)
    own_digest = ImageDigests.from_repository(ROOT, catalogue).read(client)[toy]
    if is_built:
        create_image(client, toy, own_digest, time.time() - 100)
    create_image(client, toy, OTHER_DIGEST, time.time())
    # When the images are listed
    listed = msgspec.json.decode(images("list", "--json", languages=tmp_path).stdout)
    # Then the language has the image of this checkout. Without one, a worker uses the other image, too
    digests = [image["digest"] for image in listed if image["language"] == toy]
    assert digests == [own_digest if is_built else OTHER_DIGEST]


def test_images_list_all_shows_the_whole_catalogue() -> None:
    listed = images("list", "--all").stdout

    assert all(name in listed for name in ("python", "haskell", "sqlite"))


def test_images_build_skips_current_images() -> None:
    images("build", "bash")

    done = images("build", "bash", "sh")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "image bash" not in done.stdout
    assert "bash 5" in done.stdout


@pytest.mark.parametrize("command", ["build", "remove"])
def test_images_build_refuses_an_unknown_language(command: str) -> None:
    done = images(command, "klingon")

    assert done.returncode == 2
    assert "'klingon' is not in the catalogue" in done.stderr
    assert "haskell" in done.stderr


def test_images_remove_requires_names() -> None:
    done = images("remove")

    assert done.returncode == 2
    assert "pass --all" in done.stderr


def test_images_wait_returns_at_once_when_all_are_built() -> None:
    done = images("wait")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
