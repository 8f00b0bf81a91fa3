"""Version ranges: whether the version of an image is one that a request accepts."""

from __future__ import annotations

import re
from typing import Final

import nodesemver

__all__ = ["MAX_RANGE_CHARACTERS", "VERSION_DESCRIPTION", "is_in_range", "parse_numbers"]

#: Description of the field ``version`` of requests.
VERSION_DESCRIPTION: Final = (
    "A version, its first components, or a range in the syntax of npm, such as `>=21 <25`; `*` is the default version."
)
#: Limit of npm's semver package.
MAX_RANGE_CHARACTERS: Final = 256
_NUMBERS: Final = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,2}")
# Without an operator or a wildcard, the text is a version or the start of one.
_RANGE: Final = re.compile(r"[<>=^~|*]|\.[xX]\b| - ")


def is_in_range(version: str, version_range: str) -> bool:
    """Return whether a version is in a range.

    ``3.11`` accepts every ``3.11.x``, and not ``3.1``. Ranges have the syntax of npm: ``3.x``, ``^12.1``,
    ``>=1 <2 || 3``.
    """
    if version == version_range or version.startswith(f"{version_range}."):
        return True
    if len(version_range) > MAX_RANGE_CHARACTERS or not _RANGE.search(version_range):
        return False
    try:
        return bool(nodesemver.satisfies(".".join(map(str, parse_numbers(version))), version_range, loose=True))
    except ValueError:  # not a range
        return False


def parse_numbers(version: str) -> tuple[int, int, int]:
    """Return three numbers for versions such as 17, 2.16.01, ^3.9 and 5.2.15(1)-release. Missing numbers are 0."""
    found = _NUMBERS.search(version)
    numbers = [int(number) for number in found[0].split(".")] if found else []
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major, minor, patch
