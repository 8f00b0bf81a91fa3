"""The table of languages in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.local.language_table import language_table, with_table
from app.sandbox.images.catalogue import load_languages

ROOT = Path(__file__).parents[2]


def test_the_documentation_has_the_table_of_the_catalogue() -> None:
    document = (ROOT / "docs" / "languages.md").read_text()
    table = language_table(load_languages(ROOT / "languages").values())

    assert table in document, "python -m app.local.language_table writes it"
    assert with_table(document, table) == document


def test_a_document_without_a_place_for_it_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_table("# Languages\n", "| a |\n")
