"""Language of a file, with the real catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.sandbox.images.catalogue import load_languages
from pyxec import Language
from pyxec.errors import InvalidJob
from pyxec.language_guess import guess_language, source_file_name
from tests.cli.conftest import ROOT

INSTALLED = {
    language.id: Language(id=language.id, name=language.name, file_name=language.file_name, aliases=language.aliases)
    for language in load_languages(ROOT / "languages").values()
}


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("main.py", "python"), ("A.PY", "python"), ("x.js", "javascript"), ("x.mjs", "javascript"), ("x.sh", "bash"),
        ("x.c", "c"), ("x.cpp", "cpp"), ("x.cc", "cpp"), ("x.cxx", "cpp"), ("x.c++", "cpp"), ("x.ts", "typescript"),
        ("x.pl", "perl"), ("X.java", "java"), ("x.rs", "rust"), ("dir.js/x.py", "python"),
    ],
)  # fmt: skip
def test_guess_language_uses_the_suffix(name: str, language: str) -> None:
    assert guess_language(Path(name), INSTALLED.values()).id == language


@pytest.mark.parametrize("name", ["main", "main.", "main.klingon", ".py"])
def test_guess_language_refuses_an_unknown_suffix(name: str) -> None:
    with pytest.raises(InvalidJob, match="--language"):
        guess_language(Path(name), INSTALLED.values())


def test_guess_language_ignores_languages_that_are_not_installed() -> None:
    with pytest.raises(InvalidJob):
        guess_language(Path("x.cc"), [INSTALLED["python"]])


@pytest.mark.parametrize(
    ("name", "language", "called"),
    [("sieve.c", "c", "sieve.c"), ("sieve.txt", "c", "main.c"), ("script", "bash", "main.sh"), ("x.cc", "cpp", "x.cc")],
)
def test_source_file_name_has_a_suffix_of_the_language(name: str, language: str, called: str) -> None:
    assert source_file_name(Path(name), INSTALLED[language]) == called
