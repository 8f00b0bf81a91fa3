"""The check of the host of a worker, according to its isolation."""

from __future__ import annotations

from collections.abc import Callable

from app.config import Settings
from app.resources import RESOURCES

__all__ = ["create_host_check"]


def create_host_check(settings: Settings) -> Callable[[], object]:
    """Return a function that raises UnsupportedEngine if the host does not support the isolation of the settings."""
    if settings.isolation == "container":
        return lambda: None

    def check() -> object:
        # Imported here, because the main process of a worker starts twice as fast without the client of the engine.
        from app.sandbox.cells.requirements import check_cell_requirements
        from app.sandbox.images.catalogue import load_languages
        from app.sandbox.images.digests import ImageDigests

        return check_cell_requirements(
            settings.docker_host,
            settings.container_runtime,
            settings.engine_timeout_seconds,
            settings.namespace,
            ImageDigests.from_repository(RESOURCES, load_languages(*settings.language_folders)),
        )

    return check
