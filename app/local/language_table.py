"""The table in docs/languages.md, made from the catalogue: `python -m app.local.language_table` writes it anew.

Versions are not in it: what an image has is only known once it is built, and `pyxec images list` tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.sandbox.images.catalogue import Language, load_languages

__all__ = ["language_table", "with_table"]

_BEGIN = "<!-- begin: python -m app.local.language_table -->\n"
_END = "<!-- end -->\n"
_HEAD = "| id | language | also called | file | compiled | Judge0 | Piston |\n|---|---|---|---|---|---|---|\n"


def language_table(languages: Iterable[Language]) -> str:
    """The rows, the default set first."""
    ordered = sorted(languages, key=lambda language: (not language.default, language.id))
    return _HEAD + "".join(f"| {' | '.join(_row(language))} |\n" for language in ordered)


def with_table(document: str, table: str) -> str:
    """The document with `table` between its two marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = document.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("the document has no place for the table")
    return f"{before}{_BEGIN}{table}{_END}{after}"


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


def main() -> None:
    """Write the table into the document of the repository in this folder."""
    document = Path("docs/languages.md")
    table = language_table(load_languages(Path("languages")).values())
    document.write_text(with_table(document.read_text(), table))


if __name__ == "__main__":
    main()
