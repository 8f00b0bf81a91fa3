"""What the documents say about the code, held against the code."""

from __future__ import annotations

import re
from pathlib import Path

from app.config import LAUNCH_VARIABLES, settings_table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_the_readme_lists_every_setting_as_it_is() -> None:
    assert settings_table() in README


def test_the_readme_lists_what_the_local_set_up_reads() -> None:
    missing = [name for name in LAUNCH_VARIABLES if f"`{name}`" not in README and name != "PYXEC_URL"]
    assert missing == []


def test_every_link_to_a_file_leads_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "examples" / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_make_target_that_a_document_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", README))
    assert named <= targets
