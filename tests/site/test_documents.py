"""Links and code blocks of the documentation. `make test-site` runs its commands (tests/site/examples.py)."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.site.build import stage_documents
from tests.site.code_blocks import CodeBlock, read_code_blocks
from tests.site.pages import NOT_RUN

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])


def heading_id(heading: str) -> str:
    """Return the id that GitHub and mkdocs give a heading."""
    text = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", lambda match: match[1] or "", heading.strip())
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_existing_files_and_headings(document: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            broken.append(link)
        elif anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            if anchor not in map(heading_id, headings):
                broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_are_valid(document: Path) -> None:
    for block in read_code_blocks(document):
        match block.language:
            case "python":
                ast.parse(block.text)
            case "json":
                json.loads(block.text)
            case "bash" | "sh":
                subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)


@pytest.mark.parametrize("page", NOT_RUN)
def test_commands_that_no_test_runs_are_listed_with_the_reason(page: str) -> None:
    blocks = read_code_blocks(ROOT / page)

    assert [block.text.splitlines()[0] for block in blocks if block.language == "sh"] == list(NOT_RUN[page])
    assert all(NOT_RUN[page].values())


@pytest.mark.parametrize("page", NOT_RUN)
def test_pages_have_no_indented_commands(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r"^ {4,}(?:curl|docker|docker-compose|git|make|pyxec|python3?) .*", text, re.MULTILINE) == []


def test_alerts_in_documents_are_valid_rules(tmp_path: Path) -> None:
    [rules] = [block.text for block in read_code_blocks(ROOT / "docs" / "scaling.md") if block.language == "yaml"]
    (tmp_path / "rules.yml").write_text(rules)

    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rules found" in done.stdout


def test_every_document_is_in_the_navigation(tmp_path: Path) -> None:
    stage_documents(ROOT, tmp_path / "staged")
    staged = {str(path.relative_to(tmp_path / "staged")) for path in (tmp_path / "staged").rglob("*.md")}
    configuration = yaml.safe_load((ROOT / "deploy" / "site" / "mkdocs.yml").read_text())

    listed = set(pages(configuration["nav"]))

    assert listed <= staged
    assert {name for name in staged - listed if not name.startswith("decisions/")} == set()


def test_readme_shows_the_sections_of_a_new_user_in_order() -> None:
    text = (ROOT / "README.md").read_text()
    parts = ["![", "| isolation |", "git clone", "curl -s", "pip install", "## Documentation"]

    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    assert len(text.splitlines()) < 80


def test_code_block_with_an_error_is_detected(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("```python\nprint(\n```\n")

    (block,) = read_code_blocks(document)

    assert block == CodeBlock("python", "print(\n")
    with pytest.raises(SyntaxError):
        ast.parse(block.text)


def test_response_that_differs_from_the_page_is_detected() -> None:
    shown = CodeBlock("", 'HTTP/1.1 202 Accepted\n{"id": "69f3...", "labels": {...}}\n')

    assert shown.find_differences('HTTP/1.1 202 Accepted\r\n{"id":"1","labels":{},"attempt":0}') == set()
    assert shown.find_differences('HTTP/1.1 422 Unprocessable\r\n{"id":"1","type":"/problems/invalid-request"}') == {
        "HTTP/1.1 202", '"labels"', "/problems/invalid-request",
    }  # fmt: skip


def pages(entries: list[object]) -> list[str]:
    found: list[str] = []
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            found += pages(value) if isinstance(value, list) else [str(value)]
    return found
