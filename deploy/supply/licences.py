"""Licences of the shipped packages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

from deploy.supply.pins import SHIPPED, read_lock

__all__ = ["ALLOWED", "is_allowed", "read_node_licences", "read_python_licences"]

# SPDX identifiers. The LGPL is allowed because Dramatiq and periodiq are unmodified libraries that can be replaced.
ALLOWED: Final = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0"}
    | {"OFL-1.1", "PSF-2.0", "Python-2.0"}
)

# SPDX identifiers by the names in classifiers and licence fields of older packages.
_SPDX_NAMES: Final = {
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
    """Whether an SPDX expression is allowed: all parts of an AND, or one part of an OR."""
    text = licence.replace("(", " ").replace(")", " ").strip()
    if " AND " in text:
        return all(is_allowed(part) for part in text.split(" AND "))
    return any(part.strip() in ALLOWED for part in text.split(" OR "))


def read_python_licences(root: Path) -> Iterator[tuple[str, str]]:
    """Yield name and licence of each locked package that is installed. The others are for other platforms."""
    names = {pin.name for file in SHIPPED for pin in read_lock(root / f"{file}.lock")}
    for name in sorted(names):
        try:
            yield name, _read_licence(metadata(name))
        except PackageNotFoundError:
            continue


def read_node_licences(root: Path) -> Iterator[tuple[str, str]]:
    """Yield name and licence of each package that is part of the page or builds it."""
    lock = json.loads((root / "web" / "package-lock.json").read_text())
    for path, package in sorted(lock["packages"].items()):
        if path:
            yield path.rpartition("node_modules/")[2], package.get("license", "")


def _read_licence(package: PackageMetadata) -> str:
    if "License-Expression" in package:
        return package["License-Expression"]
    classifiers = [text.rpartition(" :: ")[2] for text in package.get_all("Classifier") or () if text.startswith("Lic")]
    # The field may contain the text of the licence, which starts with its name.
    field = re.split(r"\n|\s{2,}", package["License"].strip())[0] if "License" in package else ""
    names = [_SPDX_NAMES.get(text, text) for text in (*classifiers, field) if text]
    return next((name for name in names if is_allowed(name)), " / ".join(names))
