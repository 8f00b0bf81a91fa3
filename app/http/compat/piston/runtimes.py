"""Piston's names and versions of the languages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import nodesemver

from app.core.errors import UnknownLanguage
from app.core.languages import LanguageInfo

__all__ = ["find_runtime", "runtime_names", "runtime_version"]

_MAX_RANGE_CHARACTERS: Final = 256  # the limit of npm's semver package
_UNKNOWN_VERSION: Final = "0.0.0"  # before a worker has reported the version
_NUMBERS: Final = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,2}")


def find_runtime(languages: Iterable[LanguageInfo], name: str, version: str) -> LanguageInfo:
    """Return the language with this name and a version in this range.

    Args:
        version: A range in the syntax of npm: ``3.x``, ``^12.1``, ``>=1 <2 || 3``, ``*``.

    Raises:
        UnknownLanguage: There is none. The message is Piston's.
    """
    for language in languages:
        if name.lower() in runtime_names(language) and _is_in_range(language.version, version):
            return language
    raise UnknownLanguage(f"{name}-{version} runtime", "is unknown")


def runtime_names(language: LanguageInfo) -> tuple[str, ...]:
    """Return the name and the aliases of Piston's package; Pyxec's own if Piston has no package of the language."""
    return language.piston or (language.id, *language.aliases)


def runtime_version(language: LanguageInfo) -> str:
    """Return the version that the image reported, or 0.0.0."""
    return language.version or _UNKNOWN_VERSION


def _is_in_range(version: str | None, version_range: str) -> bool:
    if version is None or version_range == version:
        return True
    if len(version_range) > _MAX_RANGE_CHARACTERS:
        return False
    try:
        return bool(nodesemver.satisfies(_to_semver(version), version_range, loose=True))
    except ValueError:  # not a range
        return False


def _to_semver(version: str) -> str:
    """Convert versions such as 17, 2.16.01 and 5.2.15(1)-release to three numbers."""
    found = _NUMBERS.search(version)
    numbers = [str(int(number)) for number in found[0].split(".")] if found else []
    return ".".join([*numbers, "0", "0", "0"][:3])
