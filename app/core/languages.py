"""What the API has to know of a language to validate a job and to show it; how it runs is the sandbox's matter."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.core.limits import LimitOverrides

__all__ = ["HostLanguages", "LanguageInfo", "index_languages"]


class LanguageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One language. ``version`` is what its image said of itself; None while no image is known of. ``judge0`` and
    ``piston`` are what those APIs call it, the first name being the proper one. ``compile`` and ``run`` are its
    commands, placeholders and all; it takes compiler options where ``compile`` has ``{options}``. ``image`` and its
    ``image_bytes`` are None while none is known of."""

    id: str
    name: str
    file_name: str
    aliases: tuple[str, ...] = ()
    version: str | None = None
    limits: LimitOverrides = LimitOverrides()
    template: str = ""
    compiled: bool = False
    compile: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    judge0: tuple[int, ...] = ()
    piston: tuple[str, ...] = ()
    image: str | None = None
    image_bytes: int | None = None


class HostLanguages(msgspec.Struct, frozen=True, kw_only=True):
    """What one host's engine has, as its workers told it so many seconds ago."""

    host: str
    last_seen_seconds_ago: float
    languages: tuple[LanguageInfo, ...]


def index_languages(languages: Iterable[LanguageInfo]) -> dict[str, LanguageInfo]:
    """Every name a client may use, in lower case, to its language."""
    return {name.lower(): info for info in languages for name in (info.id, *info.aliases)}
