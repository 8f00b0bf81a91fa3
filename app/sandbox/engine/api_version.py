"""Negotiation of the Docker Engine API version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.core.errors import UnsupportedEngine

__all__ = ["MAX_VERSION", "MIN_VERSION", "is_version_refusal", "negotiate_version", "parse_api_version"]

# 1.41 is Docker 20.10, 1.51 Docker 28.3; see https://docs.docker.com/reference/api/engine/#api-version-matrix.
MIN_VERSION: Final = (1, 41)
MAX_VERSION: Final = (1, 51)


def negotiate_version(about: Mapping[str, Any]) -> str:
    """Return the newest API version that the engine and this client support.

    Args:
        about: The response to the unversioned ``GET /version``.

    Raises:
        UnsupportedEngine: There is no common version; the message states which side to upgrade.
    """
    newest = parse_api_version(about.get("ApiVersion"))
    oldest = parse_api_version(about.get("MinAPIVersion") or about.get("ApiVersion"))
    version = min(newest, MAX_VERSION)
    if version < max(oldest, MIN_VERSION):
        action = "upgrade the engine" if newest < MIN_VERSION else "upgrade Pyxec"
        raise UnsupportedEngine(
            f"Docker Engine {about.get('Version')} supports the API versions {_format(oldest)} to {_format(newest)}, "
            f"Pyxec {_format(MIN_VERSION)} to {_format(MAX_VERSION)}: {action}"
        )
    return _format(version)


def parse_api_version(text: object) -> tuple[int, int]:
    """Convert ``1.41`` to (1, 41).

    Raises:
        UnsupportedEngine: The text is not an API version.
    """
    major, _, minor = str(text).partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise UnsupportedEngine(f"the Docker Engine reports no API version: {text!r}")
    return int(major), int(minor)


def is_version_refusal(status: int, message: str) -> bool:
    """Return whether an error response refuses the API version of the request. Nothing was executed then."""
    return status == 400 and "client version" in message and ("too old" in message or "too new" in message)


def _format(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
