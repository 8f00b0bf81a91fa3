"""Whether everything that is shipped may be, by its licence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

from deploy.supply.pins import SHIPPED, read_lock

__all__ = ["ALLOWED", "is_allowed", "node_licences", "python_licences"]

#: SPDX names. The LGPL is here because Dramatiq and periodiq are used as libraries, unchanged, and may be exchanged.
ALLOWED: Final = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0-or-later", "MIT", "MPL-2.0", "OFL-1.1"}
    | {"PSF-2.0", "Python-2.0"}
)

# Packages have said it in many ways before SPDX names became usual: what they say -> what it is called.
_USUAL: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "mit": "MIT",
}


def is_allowed(licence: str) -> bool:
    """Whether an SPDX expression can be met: every part of an AND, one part of an OR."""
    text = licence.replace("(", " ").replace(")", " ").strip()
    if " AND " in text:
        return all(is_allowed(part) for part in text.split(" AND "))
    return any(part.strip() in ALLOWED for part in text.split(" OR "))


def python_licences(root: Path) -> Iterator[tuple[str, str]]:
    """Name and licence of each locked package that is installed here; the others are for other platforms."""
    names = {pin.name for file in SHIPPED for pin in read_lock(root / f"{file}.lock")}
    for name in sorted(names):
        try:
            yield name, _licence(metadata(name))
        except PackageNotFoundError:
            continue


def node_licences(root: Path) -> Iterator[tuple[str, str]]:
    """Name and licence of each package that the page is made of, or built with."""
    lock = json.loads((root / "web" / "package-lock.json").read_text())
    for path, package in sorted(lock["packages"].items()):
        if path:
            yield path.rpartition("node_modules/")[2], package.get("license", "")


def _licence(told: PackageMetadata) -> str:
    if "License-Expression" in told:
        return told["License-Expression"]
    classifiers = [text.rpartition(" :: ")[2] for text in told.get_all("Classifier") or () if text.startswith("Lic")]
    # The field may hold the whole text of a licence; its first words are its name.
    field = re.split(r"\n|\s{2,}", told["License"].strip())[0] if "License" in told else ""
    named = [_USUAL.get(text, text) for text in (*classifiers, field) if text]
    return next((name for name in named if is_allowed(name)), " / ".join(named))
