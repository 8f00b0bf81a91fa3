"""Builds the language images that are missing or out of date."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Literal

import docker

from app.core.errors import ImageMissing
from app.sandbox.images.build_context import BuildContext, ImageSources
from app.sandbox.images.catalogue import Language, Packages
from app.sandbox.images.digests import read_layers_digest
from app.sandbox.images.docker_build import CLASSIC_BUILDER, ImageBuildError, build_image, find_builder
from app.sandbox.images.installed import (
    BASE_IMAGE,
    BUILT_LABEL,
    DIGEST_LABEL,
    LANGUAGE_LABEL,
    RUNNER_LABEL,
    VERSION_LABEL,
    InstalledImage,
    find_images,
    installed_images,
)
from app.sandbox.images.language_version import read_version
from app.sandbox.images.removal import (
    MIN_AGE_SECONDS,
    PACKAGES_TAG_PREFIX,
    read_age,
    remove_image_tag,
    remove_superseded,
)

__all__ = ["BuildEvent", "BuildProgress", "ensure_images"]

# Builds wait for the network and the disk. More at the same time only slow each other down.
_CONCURRENT_BUILDS: Final = 2
# Share of the packages stage in the progress of one image.
_PACKAGES_FRACTION: Final = 0.9
# The classic builder caches each step as an image. The removal of an old image can delete a step that it uses.
_CACHED_STEP_REMOVED: Final = re.compile(
    r"No such image|layer does not exist|failed to get digest|unknown parent image"
)
# Other builders may remove several steps of one build.
_MAX_ATTEMPTS: Final = 4
# The context is the body of the request. If containerd stores the images, BuildKit of Docker 26.1 requests it from a
# server "build-context-ID" nevertheless. These engines have the classic builder.
_CONTEXT_NOT_READ: Final = "failed to read downloaded context"

Stage = Literal["waiting", "building", "unchanged", "built", "failed"]


@dataclass(frozen=True)
class BuildEvent:
    """Progress of one image.

    Attributes:
        image: The language, or ``runner``.
        fraction: Finished fraction, from 0 to 1.
        line: Current line of the build log. For ``built``, the version.
    """

    image: str
    stage: Stage
    fraction: float = 0.0
    line: str = ""


# Called from the build threads; the calls for one image never overlap.
BuildProgress = Callable[[BuildEvent], None]


def ensure_images(
    client: docker.APIClient,
    languages: Iterable[Language],
    sources: ImageSources,
    progress: BuildProgress,
    *,
    base: str = BASE_IMAGE,
) -> dict[str, InstalledImage]:
    """Build the images of ``languages`` that are missing or out of date, and remove those they supersede.

    Args:
        base: Image with Debian on which all images are based.

    Returns:
        The images of all these languages, by id.

    Raises:
        ImageMissing: The base image is not on the engine, or an image was removed during the build.
        ImageBuildError: A build failed. Builds that have not started are cancelled.
        EngineUnavailable: The engine does not answer.
    """
    requested = list(languages)
    base_id = read_layers_digest(client, base)
    runner = sources.runner_context(base_id)
    contexts = {language.id: sources.language_context(language, base_id, runner.digest) for language in requested}
    digests = {language: context.digest for language, context in contexts.items()}
    installed = installed_images(client, digests)
    outdated = [language for language in requested if not _is_current(installed, language, contexts[language.id])]
    for language in requested:
        progress(BuildEvent(language.id, "waiting" if language in outdated else "unchanged"))
    if outdated:
        _Builder(client, base, runner, contexts, progress).build_all(outdated)
        installed = installed_images(client, digests)
    remove_superseded(client, digests)
    if removed := contexts.keys() - installed.keys():
        raise ImageMissing(f"the images of {', '.join(sorted(removed))} were removed during the build")
    return {language.id: installed[language.id] for language in requested}


class _Builder:
    """Builds the runner image and, at the same time, the packages stage of each language; then the final images."""

    def __init__(
        self,
        client: docker.APIClient,
        base: str,
        runner: BuildContext,
        contexts: dict[str, BuildContext],
        progress: BuildProgress,
    ) -> None:
        self._client = client
        self._builder = find_builder(client)
        self._base = base
        self._runner = runner
        self._contexts = contexts
        self._progress = progress

    def build_all(self, languages: Sequence[Language]) -> None:
        with ThreadPoolExecutor(_CONCURRENT_BUILDS, thread_name_prefix="image-build") as executor:
            # The runner is submitted first, so that no build can wait for a runner that has no thread.
            runner = executor.submit(self._build_runner)
            builds = [executor.submit(self._build_language, language, runner) for language in languages]
            try:
                runner.result()
                for build in builds:
                    build.result()
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                raise

    def _build_runner(self) -> str:
        tag = f"pyxec/runner:{self._runner.digest}"
        images = find_images(self._client, {"reference": [tag]})
        # An old image may be removed by another builder before this builder has used it.
        if not images or read_age(images[0]) > MIN_AGE_SECONDS / 2:
            built = _format_time()
            arguments = {"BASE": self._base, "BUILT": built}
            self._build("runner", self._runner, 0.0, 1.0, arguments=arguments, labels={BUILT_LABEL: built}, tags=[tag])
            self._progress(BuildEvent("runner", "built", 1.0))
        return tag

    def _build_language(self, language: Language, runner: Future[str]) -> None:
        context = self._contexts[language.id]
        packages = {"BASE": self._base, **_package_arguments(language.packages)}
        built = _format_time()
        labels = {LANGUAGE_LABEL: language.id, BUILT_LABEL: built}
        packages_tag = f"pyxec/{language.id}:{PACKAGES_TAG_PREFIX}{built}"
        packages_id = self._build(
            language.id,
            context,
            0.0,
            _PACKAGES_FRACTION,
            arguments=packages,
            labels=labels,
            tags=[packages_tag],
            target="packages",
        )
        try:
            version = read_version(self._client, language.id, packages_id, language.version_probe)
            labels |= {VERSION_LABEL: version, RUNNER_LABEL: self._runner.digest, DIGEST_LABEL: context.digest}
            arguments = {**packages, "RUNNER": runner.result()}
            tags = [f"pyxec/{language.id}:latest", f"pyxec/{language.id}:{context.digest}"]
            self._build(language.id, context, _PACKAGES_FRACTION, 1.0, arguments=arguments, labels=labels, tags=tags)
        finally:
            remove_image_tag(self._client, packages_tag)
        self._progress(BuildEvent(language.id, "built", 1.0, version))

    def _build(self, image: str, context: BuildContext, start: float, end: float, **options: Any) -> str:
        reached = start

        def report(fraction: float, line: str) -> None:
            nonlocal reached
            reached = max(reached, start + (end - start) * fraction)
            self._progress(BuildEvent(image, "building", reached, line))

        try:
            for remaining in reversed(range(_MAX_ATTEMPTS)):
                builder = self._builder
                try:
                    return build_image(self._client, image, context, report, builder=builder, **options)
                except ImageBuildError as e:
                    if not remaining or not self._can_be_repeated(str(e), builder):
                        raise
            raise AssertionError("the last attempt returns or raises")
        except BaseException:
            self._progress(BuildEvent(image, "failed", reached))
            raise

    def _can_be_repeated(self, error: str, builder: str) -> bool:
        """Return whether a failed build may succeed if it is repeated, with the builder in ``_builder``."""
        if _CONTEXT_NOT_READ in error and builder != CLASSIC_BUILDER:
            self._builder = CLASSIC_BUILDER
            return True
        return _CACHED_STEP_REMOVED.search(error) is not None


def _package_arguments(packages: Packages) -> dict[str, str]:
    return {
        "DEBIAN_PACKAGES": " ".join(package.replace(" ", "") for package in packages.debian),
        "PYTHON_PACKAGES": " ".join(packages.python),
        "NODE_PACKAGES": " ".join(packages.node),
    }


def _is_current(installed: dict[str, InstalledImage], language: Language, context: BuildContext) -> bool:
    return language.id in installed and installed[language.id].digest == context.digest


def _format_time() -> str:
    """Return the Unix time, with digits that make the labels of two builds different: the second is not cached."""
    return f"{time.time():.6f}"
