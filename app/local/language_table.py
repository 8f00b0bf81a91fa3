"""The table of docs/languages.md: `python -m app.local.language_table` generates it from the language catalogue.

It does not contain versions, which are known only after an image is built. `pyxec images list` prints them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.sandbox.images.catalogue import Language, load_languages

__all__ = ["format_language_table", "replace_table"]

_START = "<!-- begin: python -m app.local.language_table -->\n"
_END = "<!-- end -->\n"
_HEAD = "| id | language | also called | file | compiled | Judge0 | Piston |\n|---|---|---|---|---|---|---|\n"


def format_language_table(languages: Iterable[Language]) -> str:
    """Return the Markdown table. The default languages come first."""
    ordered = sorted(languages, key=lambda language: (not language.default, language.id))
    return _HEAD + "".join(f"| {' | '.join(_row(language))} |\n" for language in ordered)


def replace_table(document: str, table: str) -> str:
    """Return the document with `table` between the two markers.

    Raises:
        ValueError: A marker is missing.
    """
    before, start, rest = document.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        raise ValueError("the document contains no markers for the table")
    return f"{before}{_START}{table}{_END}{after}"


def _row(language: Language) -> tuple[str, ...]:
    return (
        f"**`{language.id}`**" if language.default else f"`{language.id}`",
        language.name,
        _codes(language.aliases),
        f"`{language.file_name}`",
        "yes" if language.compile else "",
        ", ".join(map(str, language.compat.judge0)),
        _codes(language.compat.piston),
    )


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    path = Path("docs/languages.md")
    languages = load_languages(Path("languages")).values()
    path.write_text(replace_table(path.read_text(), format_language_table(languages)))
