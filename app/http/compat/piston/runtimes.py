"""Piston's names and versions of the languages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import nodesemver

from app.core.errors import UnknownLanguage
from app.core.languages import LanguageInfo
from app.core.version_ranges import MAX_RANGE_CHARACTERS, parse_numbers

__all__ = ["find_runtime", "runtime_names", "runtime_version", "to_semver"]

_UNKNOWN_VERSION: Final = "0.0.0"  # before a worker has reported the version
_LATEST: Final = "latest"
_NUMBERS: Final = re.compile(r"\d")


def find_runtime(
    languages: Iterable[LanguageInfo], name: str, version: str, *, any_version: bool = False
) -> LanguageInfo:
    """Return the language with this name and the highest version in this range.

    Args:
        version: A range in the syntax of npm: ``3.x``, ``^12.1``, ``>=1 <2 || 3``, ``*``.
        any_version: If no version is in the range, return the nearest one to the first version in it. ``latest`` is the
            highest version.

    Raises:
        UnknownLanguage: There is none. The message is Piston's.
    """
    named = [language for language in languages if name.lower() in runtime_names(language)]
    named.sort(key=lambda language: parse_numbers(language.version or ""), reverse=True)
    for language in named:
        if _is_in_range(language.version, version):
            return language
    if not named or not any_version or not _is_version(version):
        raise UnknownLanguage(f"{name}-{version} runtime", "is unknown")
    if version == _LATEST:
        return named[0]
    return min(named, key=lambda language: _distance(language.version or "", version))


def runtime_names(language: LanguageInfo) -> tuple[str, ...]:
    """Return the name and the aliases of Piston's package; Pyxec's own if Piston has no package of the language."""
    return language.piston or (language.id, *language.aliases)


def runtime_version(language: LanguageInfo) -> str:
    """Return the version that the image reported as a semantic version; 0.0.0 if it is unknown."""
    return to_semver(language.version or _UNKNOWN_VERSION)


def to_semver(version: str) -> str:
    """Return a version with exactly three numbers, as Piston requires: 17.0.21.1 is 17.0.21, and 8.6 is 8.6.0."""
    return ".".join(map(str, parse_numbers(version)))


def _is_in_range(version: str | None, version_range: str) -> bool:
    if not version or version_range == version:
        return True
    if len(version_range) > MAX_RANGE_CHARACTERS:
        return False
    try:
        return bool(nodesemver.satisfies(to_semver(version), version_range, loose=True))
    except ValueError:  # not a range
        return False


def _is_version(version: str) -> bool:
    return len(version) <= MAX_RANGE_CHARACTERS and (version == _LATEST or _NUMBERS.search(version) is not None)


def _distance(installed: str, requested: str) -> tuple[int, ...]:
    pairs = zip(parse_numbers(installed), parse_numbers(requested), strict=True)
    return tuple(abs(first - second) for first, second in pairs)
