"""Builds, content and removal of language images on the engine of this machine."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import msgspec
import pytest
from docker.errors import ImageNotFound

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.build import BuildEvent, ensure_images
from app.sandbox.images.build_context import BuildContext, ImageSources
from app.sandbox.images.catalogue import Language, Packages, default_set, load_languages
from app.sandbox.images.digests import ImageDigests
from app.sandbox.images.docker_build import BUILDKIT, CLASSIC_BUILDER, ImageBuildError, build_image, find_builder
from app.sandbox.images.installed import (
    BASE_IMAGE,
    BUILT_LABEL,
    LANGUAGE_LABEL,
    InstalledImage,
    find_images,
    installed_images,
)
from app.sandbox.images.removal import PROBE_LABEL, remove_images, remove_superseded
from tests.sandbox.engine.version_proxy import version_proxy

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[3]
SOURCES = ImageSources.from_repository(ROOT)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.APIClient]:
    # Removing an image waits for the disk, which may be busy.
    client = connect_docker(engine_host(), 300)
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


@pytest.fixture(params=[CLASSIC_BUILDER, BUILDKIT], ids=["classic", "buildkit"])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both builders of the engine, one after the other."""
    monkeypatch.setattr("app.sandbox.images.build.find_builder", lambda client: request.param)
    return str(request.param)


@pytest.fixture
def all_images_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sandbox.images.removal.MIN_AGE_SECONDS", 0.0)


def build(client: docker.APIClient, language: Language, setup: str = "", base: str = BASE_IMAGE) -> InstalledImage:
    changed = msgspec.structs.replace(language, setup=setup)
    return ensure_images(client, [changed], SOURCES, lambda event: None, base=base)[language.id]


def build_from(client: docker.APIClient, dockerfile: str, builder: str, tag: str) -> None:
    context = BuildContext({"Dockerfile": dockerfile.encode()}, "")
    build_image(client, "base", context, print, builder=builder, arguments={}, labels={}, tags=[tag])


def unnamed_images(client: docker.APIClient, language: str) -> set[str]:
    filters = {"dangling": ["true"], "label": [f"{LANGUAGE_LABEL}={language}"]}
    return {image["Id"] for image in find_images(client, filters)}


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
    installed = installed_images(client, ImageDigests(languages, SOURCES, BASE_IMAGE).read(client))

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
id -un
grep -c 10001 /etc/passwd
ls /var/lib/apt/lists | wc -l
"""
INSPECTION_RESULT = ["1777", "1777", "runner", "0", "0"]


def test_image_contains_no_setuid_program(client: docker.APIClient, images: dict[str, InstalledImage]) -> None:
    for image in images.values():
        assert run_in_image(client, image.image_id, "sh", "-c", INSPECTION_SCRIPT).split() == INSPECTION_RESULT


@pytest.mark.usefixtures("builder")
def test_build_error_contains_the_end_of_the_log(client: docker.APIClient, languages: dict[str, Language]) -> None:
    impossible = msgspec.structs.replace(
        languages["bash"], id="impossible", packages=Packages(debian=("no-such-package-anywhere",))
    )
    events: list[BuildEvent] = []

    with pytest.raises(ImageBuildError, match="no-such-package-anywhere") as raised:
        ensure_images(client, [impossible], SOURCES, events.append)

    assert "cannot build the image of impossible" in str(raised.value)
    # The runner image is built at the same time and may end later
    assert [event.stage for event in events if event.image == "impossible"][-1] == "failed"
    assert "impossible" not in installed_images(client)


def test_build_fails_when_the_version_cannot_be_read(client: docker.APIClient, languages: dict[str, Language]) -> None:
    bash = languages["bash"]
    probe = msgspec.structs.replace(bash.version_probe, command=("true",))
    versionless = msgspec.structs.replace(bash, id="versionless", version_probe=probe)

    with pytest.raises(ImageBuildError, match="'true' printed no version"):
        ensure_images(client, [versionless], SOURCES, lambda event: None)


def test_build_keeps_a_recent_superseded_image(client: docker.APIClient, toy: Language) -> None:
    # Another builder may have built it and not have used it yet
    old = build(client, toy)

    new = build(client, toy, "touch /new")

    assert tags(client, toy.id) == {f"pyxec/{toy.id}:{name}" for name in (old.digest, new.digest, "latest")}
    assert client.inspect_image(old.image_id)


@pytest.mark.usefixtures("builder", "all_images_are_old")
def test_build_removes_an_old_superseded_image(client: docker.APIClient, toy: Language) -> None:
    old = build(client, toy)

    new = build(client, toy, "touch /new")

    assert tags(client, toy.id) == {f"pyxec/{toy.id}:{new.digest}", f"pyxec/{toy.id}:latest"}
    with pytest.raises(ImageNotFound):
        client.inspect_image(old.image_id)


@pytest.mark.usefixtures("builder")
def test_build_leaves_no_unnamed_image(client: docker.APIClient, toy: Language) -> None:
    build(client, toy)
    before = unnamed_images(client, toy.id)

    build(client, toy, "touch /new")

    # Other tests build images at the same time, with other labels
    assert unnamed_images(client, toy.id) <= before


# The classic builder needs a minute if containerd stores the images.
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("builder")
def test_concurrent_builders_do_not_remove_images_of_each_other(client: docker.APIClient, toy: Language) -> None:
    # Two builders of different versions of one language: each supersedes the image of the other
    def build_repeatedly(name: str) -> None:
        for number in range(2):
            image = build(client, toy, f"touch /{name}-{number}")
            assert client.inspect_image(image.image_id)

    with ThreadPoolExecutor(2) as threads:
        for build_in_progress in [threads.submit(build_repeatedly, name) for name in ("a", "b")]:
            build_in_progress.result()

    assert len(tags(client, toy.id)) == 5


@pytest.mark.usefixtures("all_images_are_old")
def test_superseded_image_is_removed_after_its_last_container(client: docker.APIClient, toy: Language) -> None:
    old = build(client, toy)
    running = client.create_container(old.image_id, entrypoint=["sleep", "60"], network_disabled=True)["Id"]
    client.start(running)
    try:
        build(client, toy, "touch /new")

        assert client.inspect_container(running)["State"]["Status"] == "running"
        assert client.inspect_image(old.image_id)
    finally:
        client.remove_container(running, force=True)

    build(client, toy, "touch /newer")

    with pytest.raises(ImageNotFound):
        client.inspect_image(old.image_id)


def test_build_starts_again_when_cached_steps_were_removed(
    client: docker.APIClient, toy: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = ["failed to export image: No such image: sha256:1", "failed to get digest sha256:1: no such file"]

    def build_after_failures(client: docker.APIClient, image: str, *arguments: Any, **options: Any) -> str:
        if errors:
            raise ImageBuildError(image, errors.pop(), "")
        return build_image(client, image, *arguments, **options)

    monkeypatch.setattr("app.sandbox.images.build.build_image", build_after_failures)

    assert build(client, toy).version[0].isdigit()


def test_build_uses_the_classic_builder_when_buildkit_cannot_read_the_context(
    client: docker.APIClient, toy: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders: list[str] = []

    def build_without_context(client: docker.APIClient, image: str, *arguments: Any, **options: Any) -> str:
        builders.append(options["builder"])
        if options["builder"] == BUILDKIT:
            raise ImageBuildError(image, "failed to read downloaded context: failed to load cache key", "")
        return build_image(client, image, *arguments, **options)

    monkeypatch.setattr("app.sandbox.images.build.find_builder", lambda client: BUILDKIT)
    monkeypatch.setattr("app.sandbox.images.build.build_image", build_without_context)

    assert build(client, toy).version[0].isdigit()
    assert builders[-1] == CLASSIC_BUILDER


def test_build_runs_on_an_engine_that_refuses_old_versions(toy: Language, tmp_path: Path) -> None:
    with version_proxy(tmp_path, engine_host().removeprefix("unix://"), (1, 44), (1, 52)) as proxy:
        image = build(connect_docker(proxy.url), toy)

        assert remove_images(connect_docker(proxy.url), [toy.id]) == [toy.id]

    assert image.version[0].isdigit()
    assert {version for version in proxy.versions if version is not None} == {(1, 51)}


def test_remove_images_does_not_disturb_a_build(client: docker.APIClient, toy: Language) -> None:
    # The image of the packages stage, while the builder reads the version in it
    building = f"pyxec/{toy.id}:packages-1"
    labels = f"LABEL {LANGUAGE_LABEL}={toy.id} {BUILT_LABEL}={time.time()}"
    client.import_image_from_data(b"", repository=f"pyxec/{toy.id}", tag="packages-1", changes=[labels])

    assert remove_images(client, [toy.id]) == []

    assert tags(client, toy.id) == {building}
    client.remove_image(building)


@pytest.mark.usefixtures("all_images_are_old")
def test_next_build_removes_what_a_killed_builder_has_left(client: docker.APIClient, toy: Language) -> None:
    image = build(client, toy)
    client.tag(image.image_id, f"pyxec/{toy.id}", "packages-1")
    probe = client.create_container(image.image_id, labels={PROBE_LABEL: str(time.time())}, network_disabled=True)["Id"]

    build(client, toy, "touch /new")

    assert f"pyxec/{toy.id}:packages-1" not in tags(client, toy.id)
    assert probe not in {container["Id"] for container in client.containers(all=True)}


def test_remove_superseded_keeps_containers_of_jobs(client: docker.APIClient, toy: Language) -> None:
    # Containers inherit the labels of their image, also that of the time of its build
    image = build(client, toy)
    container = client.create_container(image.image_id, network_disabled=True)["Id"]
    try:
        remove_superseded(client, {toy.id: image.digest})

        assert container in {found["Id"] for found in client.containers(all=True)}
    finally:
        client.remove_container(container)


def test_checkouts_with_different_sources_keep_their_own_images(client: docker.APIClient, toy: Language) -> None:
    # Given images of two checkouts, of which the second was built last
    languages = [msgspec.structs.replace(toy, setup=f"touch /checkout-{number}") for number in (1, 2)]
    events: list[BuildEvent] = []
    images = [ensure_images(client, [language], SOURCES, events.append)[toy.id] for language in languages]
    assert installed_images(client)[toy.id].image_id == images[1].image_id
    # When the first checkout checks its images, then it builds and removes nothing
    events.clear()
    again = ensure_images(client, [languages[0]], SOURCES, events.append)[toy.id]
    assert (again.image_id, {event.stage for event in events}) == (images[0].image_id, {"unchanged"})
    # And the worker of each checkout uses its own image
    for language, image in zip(languages, images, strict=True):
        digests = ImageDigests({toy.id: language}, SOURCES, BASE_IMAGE).read(client)
        assert installed_images(client, digests)[toy.id].image_id == image.image_id
    # And a checkout without an image of its own uses the last one
    other = ImageDigests({toy.id: msgspec.structs.replace(toy, setup="touch /3")}, SOURCES, BASE_IMAGE)
    assert installed_images(client, other.read(client))[toy.id].image_id == images[1].image_id
    # And without the base image on the engine, there are no digests
    assert ImageDigests({toy.id: toy}, SOURCES, "missing:base").read(client) == {}


def test_base_is_identified_by_its_layers(client: docker.APIClient, toy: Language) -> None:
    # An image with the layers of the base and another id, as on an engine with another image store
    build(client, toy)
    other_base = f"pyxec-test/{toy.id}:latest"
    dockerfile = f"FROM {BASE_IMAGE}\nLABEL other=id\n"
    with suppress(ImageBuildError):
        build_from(client, dockerfile, find_builder(client), other_base)
    if not client.images(other_base):
        build_from(client, dockerfile, CLASSIC_BUILDER, other_base)  # BuildKit of Docker 26.1 with containerd
    events: list[BuildEvent] = []
    try:
        assert client.inspect_image(other_base)["Id"] != client.inspect_image(BASE_IMAGE)["Id"]

        ensure_images(client, [toy], SOURCES, events.append, base=other_base)
    finally:
        client.remove_image(other_base)

    assert {event.stage for event in events} == {"unchanged"}


@pytest.mark.usefixtures("builder")
def test_size_is_that_of_the_files(client: docker.APIClient, toy: Language) -> None:
    image = build(client, toy)
    container = client.create_container(image.image_id, network_disabled=True)["Id"]
    try:
        archive_bytes = sum(len(chunk) for chunk in client.export(container))
    finally:
        client.remove_container(container)

    assert 0.8 * archive_bytes < image.size_bytes < 1.2 * archive_bytes


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
    assert run_in_image(client, image.image_id, "sh", "-c", INSPECTION_SCRIPT).split() == INSPECTION_RESULT


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
