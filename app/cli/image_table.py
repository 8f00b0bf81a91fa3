"""The table of ``pyxec images list``."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from app.sandbox.images.catalogue import Language
from app.sandbox.images.installed import InstalledImage
from pyxec.cli.tables import print_table

__all__ = ["print_images"]

_MEGABYTE = 1_000_000


def print_images(catalogue: Mapping[str, Language], installed: Mapping[str, InstalledImage], every: bool) -> None:
    """Print a row for each image; with ``every``, also for each language without one."""
    table = Table("language", "name", "version", "size", "image")
    for name in sorted(installed.keys() | (catalogue.keys() if every else set())):
        title = catalogue[name].name if name in catalogue else "(not in the catalogue)"
        table.add_row(name, title, *_state(installed.get(name)))
    print_table(table, "There are no language images. `pyxec images build` builds the default ones.")


def _state(image: InstalledImage | None) -> tuple[str, str, str]:
    if image is None:
        return ("-", "-", "not built")
    return (image.version, f"{image.size_bytes / _MEGABYTE:.0f} MB", image.image_id.removeprefix("sha256:")[:12])
