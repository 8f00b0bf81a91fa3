"""Derives the language of a file from its name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pyxec.errors import InvalidJob
from pyxec.results import Language

__all__ = ["guess_language", "source_file_name"]

# Suffixes that are neither an alias of a language nor the suffix of its usual file name.
_ADDITIONAL_SUFFIXES: Final = {"cc": "cpp", "cjs": "javascript", "mjs": "javascript", "pyw": "python", "c++": "cpp"}


def guess_language(file: Path, languages: Iterable[Language]) -> Language:
    """Return the language with the suffix of the file.

    Raises:
        InvalidJob: No installed language has this suffix.
    """
    suffix = file.suffix.removeprefix(".").lower()
    by_suffix = _suffixes(languages)
    if suffix in by_suffix:
        return by_suffix[suffix]
    known = ", ".join(f".{known}" for known in sorted(by_suffix)) or "nothing"
    raise InvalidJob(f"{file.name}: no installed language has this suffix ({known}); pass --language")


def source_file_name(file: Path, language: Language | None) -> str:
    """Return the name of the file in the sandbox.

    It is the file's own name, so that error messages show it, unless its suffix does not belong to the language.
    """
    if language is None or file.suffix.removeprefix(".").lower() in _suffixes([language]):
        return file.name
    return language.file_name


def _suffixes(languages: Iterable[Language]) -> dict[str, Language]:
    by_id = {language.id: language for language in languages}
    by_suffix: dict[str, Language] = {}
    for suffix, language_id in _ADDITIONAL_SUFFIXES.items():
        if language_id in by_id:
            by_suffix[suffix] = by_id[language_id]
    for language in by_id.values():
        by_suffix |= dict.fromkeys((alias.lower() for alias in language.aliases), language)
    # The suffix of a language's usual file name has priority. If several languages share it, it means the one with this
    # suffix as a name, or the first one.
    usual: dict[str, Language] = {}
    for language in by_id.values():
        suffix = Path(language.file_name).suffix.removeprefix(".").lower()
        if suffix not in usual or suffix in (language.id, *language.aliases):
            usual[suffix] = language
    by_suffix |= usual
    return by_suffix
