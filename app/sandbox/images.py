"""The images of the languages: which are on the engine, and how the missing ones get there.

An image is tagged ``pyxec/<language>:<digest>`` and ``pyxec/<language>:latest``. The digest covers all that decides
what is in it (the recipe, the packages, the runner's sources, the base), so that nothing is built twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import DockerException, ImageNotFound

from app.core.errors import EngineUnavailable, ImageMissing
from app.sandbox.image_build import BuildEvent, BuildProgress, build_image, read_version
from app.sandbox.image_sources import BuildContext, ImageSources
from app.sandbox.languages import Language

__all__ = ["BASE_IMAGE", "InstalledImage", "ensure_images", "installed_images"]

BASE_IMAGE = "debian:bookworm-slim"

_LANGUAGE = "org.pyxec.language"
_VERSION = "org.pyxec.version"
_RUNNER = "org.pyxec.runner"
_DIGEST = "org.pyxec.digest"

# Builds wait for the network and for dpkg's fsync more than for a processor; more at once only slow each other down.
_BUILDS_AT_ONCE = 2


@dataclass(frozen=True)
class InstalledImage:
    """A language as it is on the engine. `image_id` (``sha256:...``) is what containers are made from."""

    language: str
    version: str
    runner: str
    digest: str
    image_id: str


def installed_images(client: docker.APIClient) -> dict[str, InstalledImage]:
    """Return what is ready to run, by language.

    Raises:
        EngineUnavailable: the engine does not answer.
    """
    found = _images(client, {"label": [_LANGUAGE], "reference": ["pyxec/*:latest"]})
    images = [_installed(summary["Id"], summary["Labels"]) for summary in found]
    return {image.language: image for image in images}


def ensure_images(
    client: docker.APIClient,
    languages: Iterable[Language],
    sources: ImageSources,
    progress: BuildProgress,
    *,
    base: str = BASE_IMAGE,
) -> dict[str, InstalledImage]:
    """Build what is missing or out of date of `languages`; return all of their images, by language.

    Raises:
        ImageMissing: the base is not on the engine.
        ImageBuildError: a build failed; the others are stopped before their next step.
        EngineUnavailable: the engine does not answer.
    """
    wanted = list(languages)
    base_id = _image_id(client, base)
    runner = sources.runner_context(base_id)
    contexts = {language.id: sources.language_context(language, base_id, runner.digest) for language in wanted}
    present = installed_images(client)
    missing = [language for language in wanted if not _is_current(present, language, contexts[language.id])]
    for language in wanted:
        progress(BuildEvent(language.id, "waiting" if language in missing else "unchanged"))
    if missing:
        builds = _Builds(client, base, runner, contexts, progress)
        builds.run(missing)
        present = installed_images(client)
    return {language.id: present[language.id] for language in wanted}


class _Builds:
    """The builds of one call: the runner once, next to the packages of the languages, then each language's image."""

    def __init__(
        self,
        client: docker.APIClient,
        base: str,
        runner: BuildContext,
        contexts: dict[str, BuildContext],
        progress: BuildProgress,
    ) -> None:
        self._client = client
        self._base = base
        self._runner = runner
        self._contexts = contexts
        self._progress = progress

    def run(self, languages: Sequence[Language]) -> None:
        with ThreadPoolExecutor(_BUILDS_AT_ONCE, thread_name_prefix="image-build") as pool:
            # The runner is the first task of the queue, so a language that waits for it never waits for a free thread.
            runner = pool.submit(self._build_runner)
            builds = [pool.submit(self._build_language, language, runner) for language in languages]
            try:
                runner.result()
                for build in builds:
                    build.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _build_runner(self) -> str:
        tag = f"pyxec/runner:{self._runner.digest}"
        if not _images(self._client, {"reference": [tag]}):
            self._build("runner", self._runner, 0.0, 1.0, arguments={"BASE": self._base}, tag=tag)
            self._progress(BuildEvent("runner", "built", 1.0))
        return tag

    def _build_language(self, language: Language, runner: Future[str]) -> None:
        context = self._contexts[language.id]
        packages = {"BASE": self._base, "PACKAGES": " ".join(language.packages.debian)}
        packages_id = self._build(language.id, context, 0.0, 0.9, arguments=packages, target="packages")
        version = read_version(self._client, language.id, packages_id, language.version)
        labels = {_LANGUAGE: language.id, _VERSION: version, _RUNNER: self._runner.digest, _DIGEST: context.digest}
        arguments = {**packages, "RUNNER": runner.result()}
        tag = f"pyxec/{language.id}:{context.digest}"
        self._build(language.id, context, 0.9, 1.0, arguments=arguments, labels=labels, tag=tag)
        self._client.tag(tag, f"pyxec/{language.id}", "latest")
        self._progress(BuildEvent(language.id, "built", 1.0, version))

    def _build(self, image: str, context: BuildContext, start: float, end: float, **options: Any) -> str:
        reached = start

        def report(fraction: float, line: str) -> None:
            nonlocal reached
            reached = max(reached, start + (end - start) * fraction)
            self._progress(BuildEvent(image, "building", reached, line))

        try:
            return build_image(self._client, image, context, report, **options)
        except BaseException:
            self._progress(BuildEvent(image, "failed", reached))
            raise


def _installed(image_id: str, labels: dict[str, str]) -> InstalledImage:
    return InstalledImage(
        language=labels[_LANGUAGE],
        version=labels.get(_VERSION, ""),
        runner=labels.get(_RUNNER, ""),
        digest=labels.get(_DIGEST, ""),
        image_id=image_id,
    )


def _is_current(present: dict[str, InstalledImage], language: Language, context: BuildContext) -> bool:
    return language.id in present and present[language.id].digest == context.digest


def _image_id(client: docker.APIClient, reference: str) -> str:
    try:
        return str(client.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]
    except ImageNotFound as e:
        raise ImageMissing(f"the base image {reference} is not on the engine") from e
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine does not answer: {e}") from e


def _images(client: docker.APIClient, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
    try:
        return list(client.images(filters=filters))
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine does not answer: {e}") from e
