"""Builds, content and removal of language images on the engine of this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import msgspec
import pytest
from docker.errors import ImageNotFound

from app.local.engine import engine_host
from app.sandbox.images.build import BuildEvent, ensure_images
from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import Language, Packages, default_set, load_languages
from app.sandbox.images.docker_build import ImageBuildError
from app.sandbox.images.installed import LANGUAGE_LABEL, InstalledImage, find_images, installed_images
from app.sandbox.images.removal import remove_images

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[3]
SOURCES = ImageSources.from_repository(ROOT)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.APIClient]:
    # Removing an image waits for the disk, which may be busy.
    client = docker.APIClient(base_url=engine_host(), version="auto", timeout=300)
    yield client
    client.close()


@pytest.fixture(scope="module")
def languages() -> dict[str, Language]:
    return default_set(load_languages(ROOT / "languages"))


@pytest.fixture
def toy(client: docker.APIClient, languages: dict[str, Language]) -> Iterator[Language]:
    """A language with an image of its own that needs no package besides the base image."""
    name = f"toy-{secrets.token_hex(4)}"
    yield msgspec.structs.replace(languages["bash"], id=name, packages=Packages(debian=("bash",)))
    remove_images(client, [name])


def tags(client: docker.APIClient, language: str) -> set[str]:
    return {tag for image in find_images(client, {"reference": [f"pyxec/{language}"]}) for tag in image["RepoTags"]}


@pytest.fixture(scope="module")
def images(client: docker.APIClient, languages: dict[str, Language]) -> dict[str, InstalledImage]:
    return ensure_images(client, languages.values(), SOURCES, lambda event: None)


def run_in_image(client: docker.APIClient, image_id: str, *command: str) -> str:
    """Run a command instead of the runner in a new container of an image; return its output."""
    host = client.create_host_config(network_mode="none")
    container = client.create_container(image_id, entrypoint=list(command), host_config=host, network_disabled=True)
    try:
        client.start(container)
        client.wait(container, timeout=60)
        return client.logs(container).decode()
    finally:
        client.remove_container(container, force=True)


def test_ensure_images_does_not_rebuild_current_images(
    client: docker.APIClient, languages: dict[str, Language], images: dict[str, InstalledImage]
) -> None:
    events: list[BuildEvent] = []

    again = ensure_images(client, languages.values(), SOURCES, events.append)

    assert again == images
    assert {event.stage for event in events} == {"unchanged"}


def test_installed_images_have_a_version_and_an_id(
    client: docker.APIClient, languages: dict[str, Language], images: dict[str, InstalledImage]
) -> None:
    installed = installed_images(client)

    assert installed.items() >= images.items()
    assert set(images) == set(languages)
    for image in images.values():
        assert image.version[0].isdigit()
        assert image.image_id.startswith("sha256:")


def test_image_starts_the_runner_as_an_unprivileged_user(
    client: docker.APIClient, images: dict[str, InstalledImage]
) -> None:
    for image in images.values():
        config = client.inspect_image(image.image_id)["Config"]
        assert config["Entrypoint"] == ["/pyxec-runner"]
        assert config["User"] == "10001:10001"
        assert config["WorkingDir"] == "/work"


INSPECTION_SCRIPT = """
find / -xdev -type f -perm /6000 2>/dev/null
stat -c %a /work /tmp
getent passwd 10001 | wc -l
ls /var/lib/apt/lists | wc -l
"""


def test_image_contains_no_setuid_program(client: docker.APIClient, images: dict[str, InstalledImage]) -> None:
    for image in images.values():
        assert run_in_image(client, image.image_id, "sh", "-c", INSPECTION_SCRIPT).split() == ["1777", "1777", "0", "0"]


def test_build_error_contains_the_end_of_the_log(client: docker.APIClient, languages: dict[str, Language]) -> None:
    impossible = msgspec.structs.replace(
        languages["bash"], id="impossible", packages=Packages(debian=("no-such-package-anywhere",))
    )
    events: list[BuildEvent] = []

    with pytest.raises(ImageBuildError, match="no-such-package-anywhere") as raised:
        ensure_images(client, [impossible], SOURCES, events.append)

    assert "cannot build the image of impossible" in str(raised.value)
    assert events[-1].stage == "failed"
    assert "impossible" not in installed_images(client)


def test_build_fails_when_the_version_cannot_be_read(client: docker.APIClient, languages: dict[str, Language]) -> None:
    bash = languages["bash"]
    versionless = msgspec.structs.replace(bash, version=msgspec.structs.replace(bash.version, command=("true",)))

    with pytest.raises(ImageBuildError, match="'true' printed no version"):
        ensure_images(client, [msgspec.structs.replace(versionless, id="versionless")], SOURCES, lambda event: None)


def test_build_removes_the_superseded_image(client: docker.APIClient, toy: Language) -> None:
    old = ensure_images(client, [toy], SOURCES, lambda event: None)[toy.id]

    new = ensure_images(
        client, [msgspec.structs.replace(toy, setup="touch /new")], SOURCES, lambda event: None
    )[toy.id]  # fmt: skip

    assert tags(client, toy.id) == {f"pyxec/{toy.id}:{new.digest}", f"pyxec/{toy.id}:latest"}
    with pytest.raises(ImageNotFound):
        client.inspect_image(old.image_id)


def test_build_does_not_remove_the_steps_of_another_build(client: docker.APIClient, toy: Language) -> None:
    # The image between two steps that add labels: the builder needs it, and it has no tag.
    step = client.import_image_from_data(b"", changes=[f"LABEL {LANGUAGE_LABEL}={toy.id}"])
    step_id = msgspec.json.decode(step.splitlines()[-1])["status"]
    try:
        ensure_images(client, [toy], SOURCES, lambda event: None)

        assert client.inspect_image(step_id)["RepoTags"] == []
    finally:
        client.remove_image(step_id)


def test_setup_runs_last_but_cannot_leave_setuid_programs(client: docker.APIClient, toy: Language) -> None:
    setup = "touch /there; cp /bin/cat /usr/local/bin/setuid; chmod u+s /usr/local/bin/setuid; chmod 700 /tmp"

    image = ensure_images(client, [msgspec.structs.replace(toy, setup=setup)], SOURCES, lambda event: None)[toy.id]

    assert run_in_image(client, image.image_id, "ls", "/there") == "/there\n"
    assert run_in_image(client, image.image_id, "sh", "-c", INSPECTION_SCRIPT).split() == ["1777", "1777", "0", "0"]


def test_build_fails_when_the_setup_fails(client: docker.APIClient, toy: Language) -> None:
    with pytest.raises(ImageBuildError, match=r"setup\.sh"):
        ensure_images(
            client, [msgspec.structs.replace(toy, setup="false\ntrue")], SOURCES, lambda event: None
        )  # fmt: skip

    assert toy.id not in installed_images(client)


def test_remove_images_does_not_stop_a_running_container(client: docker.APIClient, toy: Language) -> None:
    image = ensure_images(client, [toy], SOURCES, lambda event: None)[toy.id]
    running = client.create_container(image.image_id, entrypoint=["sleep", "60"], network_disabled=True)
    client.start(running)
    try:
        assert remove_images(client, [toy.id]) == [toy.id]
        assert toy.id not in installed_images(client)
        assert client.inspect_container(running)["State"]["Status"] == "running"
    finally:
        client.remove_container(running, force=True)

    assert remove_images(client, [toy.id]) == []
    with pytest.raises(ImageNotFound):
        client.inspect_image(image.image_id)
