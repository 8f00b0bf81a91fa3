"""Which language a file is in, from its name and from what the service has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from app.core.errors import InvalidRequest
from pyxec import Language

__all__ = ["guess_language", "source_name"]

# Suffixes that neither a language's own file name nor one of its aliases tells of.
_MORE_SUFFIXES: Final = {"cc": "cpp", "cjs": "javascript", "mjs": "javascript", "pyw": "python", "c++": "cpp"}


def guess_language(file: Path, languages: Iterable[Language]) -> Language:
    """The language that claims the file's suffix.

    Raises:
        InvalidRequest: none does; nothing has been sent.
    """
    suffix = file.suffix.removeprefix(".").lower()
    claimed = _suffixes(languages)
    if suffix in claimed:
        return claimed[suffix]
    known = ", ".join(f".{known}" for known in sorted(claimed)) or "nothing"
    raise InvalidRequest(file.name, f"no language by this name here ({known}); say which with --language")


def source_name(file: Path, language: Language | None) -> str:
    """What the file is called in the sandbox: its own name, which error messages then show, if a compiler would know
    the language by it; the language's usual name if not."""
    if language is None or file.suffix.removeprefix(".").lower() in _suffixes([language]):
        return file.name
    return language.file_name


def _suffixes(languages: Iterable[Language]) -> dict[str, Language]:
    by_id = {language.id: language for language in languages}
    claimed: dict[str, Language] = {}
    for suffix, language_id in _MORE_SUFFIXES.items():
        if language_id in by_id:
            claimed[suffix] = by_id[language_id]
    for language in by_id.values():
        claimed |= dict.fromkeys((alias.lower() for alias in language.aliases), language)
    # A language's own file name counts most.
    for language in by_id.values():
        claimed[Path(language.file_name).suffix.removeprefix(".").lower()] = language
    return claimed
