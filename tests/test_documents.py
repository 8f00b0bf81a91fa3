"""Statements of the documentation, compared with the code."""

from __future__ import annotations

import re
from pathlib import Path

from app.config import LAUNCH_VARIABLES, settings_table

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()


def test_configuration_page_contains_the_settings_table() -> None:
    assert settings_table() in CONFIGURATION


def test_configuration_page_lists_the_variables_of_the_local_set_up() -> None:
    missing = [name for name in LAUNCH_VARIABLES if f"`{name}`" not in CONFIGURATION and name != "PYXEC_URL"]
    assert missing == []


def test_links_between_documents_resolve() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "examples" / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_make_targets_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    named = {name for document in documents for name in re.findall(r"`make ([a-z0-9-]+)", document.read_text())}
    assert named <= targets
