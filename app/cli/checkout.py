"""Paths of the checkout that this code runs from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["CATALOGUE", "ROOT"]

ROOT: Final = Path(__file__).resolve().parents[2]
CATALOGUE: Final = ROOT / "languages"
