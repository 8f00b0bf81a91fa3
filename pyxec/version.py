"""The version number of Pyxec: of the server, the SDK, the command line, the images and the packages."""

from __future__ import annotations

from typing import Final

__all__ = ["VERSION"]

VERSION: Final = "0.1.0"
