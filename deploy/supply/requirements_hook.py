"""Build hook of pyproject.toml: the dependencies of the server are the pins of requirements.txt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

__all__ = ["RequirementsHook"]


class RequirementsHook(MetadataHookInterface):
    """Sets the dependencies of the distribution."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set ``dependencies`` to the lines of requirements.txt."""
        lines = (Path(self.root) / "requirements.txt").read_text().splitlines()
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]
