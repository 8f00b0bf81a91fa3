"""Sandbox images on a real engine: built once, complete, and nothing in them that a sandbox must not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import msgspec
import pytest

from app.local.engine import engine_host
from app.sandbox.image_build import BuildEvent, ImageBuildError
from app.sandbox.image_sources import ImageSources
from app.sandbox.images import InstalledImage, ensure_images, installed_images
from app.sandbox.languages import Language, Packages, load_languages

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
SOURCES = ImageSources.of_repository(ROOT)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.APIClient]:
    client = docker.APIClient(base_url=engine_host(), version="auto")
    yield client
    client.close()


@pytest.fixture(scope="module")
def languages() -> dict[str, Language]:
    return load_languages(ROOT / "languages")


@pytest.fixture(scope="module")
def images(client: docker.APIClient, languages: dict[str, Language]) -> dict[str, InstalledImage]:
    return ensure_images(client, languages.values(), SOURCES, lambda event: None)


def output_of(client: docker.APIClient, image_id: str, *command: str) -> str:
    """What a command prints in a fresh container of the image, without the runner."""
    host = client.create_host_config(network_mode="none")
    container = client.create_container(image_id, entrypoint=list(command), host_config=host, network_disabled=True)
    try:
        client.start(container)
        client.wait(container, timeout=60)
        return client.logs(container).decode()
    finally:
        client.remove_container(container, force=True)


def test_what_is_built_is_not_built_again(
    client: docker.APIClient, languages: dict[str, Language], images: dict[str, InstalledImage]
) -> None:
    events: list[BuildEvent] = []

    again = ensure_images(client, languages.values(), SOURCES, events.append)

    assert again == images
    assert {event.stage for event in events} == {"unchanged"}


def test_every_language_is_installed_with_the_version_its_image_told(
    client: docker.APIClient, languages: dict[str, Language], images: dict[str, InstalledImage]
) -> None:
    installed = installed_images(client)

    assert installed.items() >= images.items()
    assert set(images) == set(languages)
    for image in images.values():
        assert image.version[0].isdigit()
        assert image.image_id.startswith("sha256:")


def test_an_image_starts_as_the_runner_of_a_nameless_user(
    client: docker.APIClient, images: dict[str, InstalledImage]
) -> None:
    for image in images.values():
        config = client.inspect_image(image.image_id)["Config"]
        assert config["Entrypoint"] == ["/pyxec-runner"]
        assert config["User"] == "10001:10001"
        assert config["WorkingDir"] == "/work"


SEARCH = """
find / -xdev -type f -perm /6000 2>/dev/null
stat -c %a /work /tmp
getent passwd 10001 | wc -l
ls /var/lib/apt/lists | wc -l
"""


def test_an_image_has_no_program_that_changes_its_user(
    client: docker.APIClient, images: dict[str, InstalledImage]
) -> None:
    for image in images.values():
        assert output_of(client, image.image_id, "sh", "-c", SEARCH).split() == ["1777", "1777", "0", "0"]


def test_a_failed_build_is_one_error_with_the_end_of_its_log(
    client: docker.APIClient, languages: dict[str, Language]
) -> None:
    impossible = msgspec.structs.replace(
        languages["bash"], id="impossible", packages=Packages(debian=("no-such-package-anywhere",))
    )
    events: list[BuildEvent] = []

    with pytest.raises(ImageBuildError, match="no-such-package-anywhere") as raised:
        ensure_images(client, [impossible], SOURCES, events.append)

    assert "cannot build the image of impossible" in str(raised.value)
    assert events[-1].stage == "failed"
    assert "impossible" not in installed_images(client)


def test_a_version_that_cannot_be_read_fails_the_build(
    client: docker.APIClient, languages: dict[str, Language]
) -> None:
    bash = languages["bash"]
    wordless = msgspec.structs.replace(bash, version=msgspec.structs.replace(bash.version, command=("true",)))

    with pytest.raises(ImageBuildError, match="'true' told no version"):
        ensure_images(client, [msgspec.structs.replace(wordless, id="wordless")], SOURCES, lambda event: None)
