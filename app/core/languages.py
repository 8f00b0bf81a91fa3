"""Languages as the API sees them. app/sandbox/images/ defines how programs of a language are run."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.core.limits import LimitOverrides

__all__ = ["HostLanguages", "LanguageInfo", "index_languages"]


class LanguageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A language of the catalogue.

    Attributes:
        id: The id in requests.
        name: The name for people.
        file_name: Name of the source file if a request has only ``source``.
        aliases: Other ids.
        version: Version that the image reports; None if no image is installed.
        limits: Default limits.
        template: A short program for editors.
        compiled: Whether there is a compile phase.
        compile: Command of the compiler, with placeholders. ``{options}`` takes compiler options.
        run: Command of the program, with placeholders.
        judge0: Ids of the language in Judge0; the first one is preferred.
        piston: Names of the language in Piston; the first one is preferred.
        packages: Python packages that programs can import, ``name==version``.
        image: Tag of the image; None if no image is installed.
        image_bytes: Size of the image; None if no image is installed.
        version_of: Id of the language of which this is another version. None for the default version.
    """

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
    packages: tuple[str, ...] = ()
    image: str | None = None
    image_bytes: int | None = None
    version_of: str | None = None

    @property
    def family(self) -> str:
        """Id that all versions of the language share: that of the default version."""
        return self.version_of or self.id


class HostLanguages(msgspec.Struct, frozen=True, kw_only=True):
    """The languages installed on the engine of a host, as its workers last reported them."""

    host: str
    last_seen_seconds_ago: float
    languages: tuple[LanguageInfo, ...]


def index_languages(languages: Iterable[LanguageInfo]) -> dict[str, LanguageInfo]:
    """Index languages by their ids and aliases in lower case.

    If the default version of a language is missing, its id means the first of its other versions.
    """
    listed = list(languages)
    index = {name.lower(): info for info in listed for name in (info.id, *info.aliases)}
    for info in listed:
        index.setdefault(info.family, info)
    return index
