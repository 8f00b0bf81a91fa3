"""The table of languages in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.local.language_table import format_language_table, replace_table
from app.sandbox.images.catalogue import load_languages

ROOT = Path(__file__).parents[2]


def test_language_table_in_the_documentation_is_current() -> None:
    document = (ROOT / "docs" / "languages.md").read_text()
    table = format_language_table(load_languages(ROOT / "languages").values())

    assert table in document, "run python -m app.local.language_table"
    assert replace_table(document, table) == document


def test_replace_table_refuses_a_document_without_markers() -> None:
    with pytest.raises(ValueError, match="no markers"):
        replace_table("# Languages\n", "| a |\n")
