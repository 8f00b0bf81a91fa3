"""How the images of languages that are missing or out of date get onto the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import docker
import requests
from docker.errors import DockerException, ImageNotFound

from app.core.errors import EngineUnavailable, ImageMissing
from app.sandbox.images.build import BuildEvent, BuildProgress, build_image, read_version
from app.sandbox.images.build_context import BuildContext, ImageSources
from app.sandbox.images.catalogue import Language
from app.sandbox.images.installed import (
    BASE_IMAGE,
    DIGEST_LABEL,
    LANGUAGE_LABEL,
    RUNNER_LABEL,
    VERSION_LABEL,
    InstalledImage,
    find_images,
    installed_images,
)
from app.sandbox.images.language_fields import Packages
from app.sandbox.images.removal import remove_superseded

__all__ = ["ensure_images"]

# Builds wait for the network and for the disk more than for a processor; more at once only slow each other down.
_BUILDS_AT_ONCE: Final = 2


def ensure_images(
    client: docker.APIClient,
    languages: Iterable[Language],
    sources: ImageSources,
    progress: BuildProgress,
    *,
    base: str = BASE_IMAGE,
) -> dict[str, InstalledImage]:
    """Build what is missing or out of date of `languages`; return all of their images, by language. What a new image
    takes the place of is removed.

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
        remove_superseded(client, [language.id for language in missing])
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
        if not find_images(self._client, {"reference": [tag]}):
            self._build("runner", self._runner, 0.0, 1.0, arguments={"BASE": self._base}, tag=tag)
            self._progress(BuildEvent("runner", "built", 1.0))
        return tag

    def _build_language(self, language: Language, runner: Future[str]) -> None:
        context = self._contexts[language.id]
        packages = {"BASE": self._base, **_package_arguments(language.packages)}
        packages_id = self._build(language.id, context, 0.0, 0.9, arguments=packages, target="packages")
        version = read_version(self._client, language.id, packages_id, language.version)
        labels = {
            LANGUAGE_LABEL: language.id,
            VERSION_LABEL: version,
            RUNNER_LABEL: self._runner.digest,
            DIGEST_LABEL: context.digest,
        }
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


def _package_arguments(packages: Packages) -> dict[str, str]:
    return {
        "DEBIAN_PACKAGES": " ".join(packages.debian),
        "PYTHON_PACKAGES": " ".join(packages.python),
        "NODE_PACKAGES": " ".join(packages.node),
    }


def _is_current(present: dict[str, InstalledImage], language: Language, context: BuildContext) -> bool:
    return language.id in present and present[language.id].digest == context.digest


def _image_id(client: docker.APIClient, reference: str) -> str:
    try:
        return str(client.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]
    except ImageNotFound as e:
        raise ImageMissing(f"the base image {reference} is not on the engine") from e
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine does not answer: {e}") from e
