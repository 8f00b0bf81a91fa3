"""The check of the host of a worker, according to its isolation."""

from __future__ import annotations

from collections.abc import Callable

from app.config import Settings

__all__ = ["create_host_check"]


def create_host_check(settings: Settings) -> Callable[[], object]:
    """Return a function that raises UnsupportedEngine if the host does not support the isolation of the settings."""
    if settings.isolation == "container":
        return lambda: None

    def check() -> object:
        # Imported here, because the main process of a worker starts twice as fast without the client of the engine.
        from app.sandbox.cells.requirements import check_cell_requirements

        return check_cell_requirements(
            settings.docker_host, settings.container_runtime, settings.engine_timeout_seconds, settings.namespace
        )

    return check
