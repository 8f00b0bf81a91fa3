"""The files that the service reads besides its code: the language catalogue, and the sources of the images."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["LANGUAGES", "RESOURCES"]

_CHECKOUT: Final = Path(__file__).resolve().parents[1]

#: Folder with ``languages/``, ``images/`` and ``runner/``: the checkout, or the copy in an installed package.
RESOURCES: Final = _CHECKOUT if (_CHECKOUT / "languages").is_dir() else Path(__file__).with_name("resources")

#: The catalogue of languages: one TOML file for each.
LANGUAGES: Final = RESOURCES / "languages"
