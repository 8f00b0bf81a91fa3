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
from tests.site.pages import FRAGMENTS, INDENTED, NOT_RUN, PAGES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
# Documents for users and developers, relative to the root.
PAGES_WITH_COMMANDS = [
    str(path.relative_to(ROOT))
    for path in (*DOCUMENTS, ROOT / "pyxec" / "README.md", *sorted((ROOT / "examples").rglob("*.md")))
]
RUN_LANGUAGES = {"bash", "python"}
OTHER_LANGUAGES = {"", "text", "json", "javascript", "lua", "mermaid", "toml", "yaml"}


def heading_id(heading: str) -> str:
    """Return the id that GitHub and mkdocs give a heading."""
    text = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", lambda match: match[1] or "", heading.strip())
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


def find_indented_blocks(text: str) -> set[str]:
    """Return the first line of each indented block outside fences. JSON, HTML and HTTP responses are left out."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    first_lines = {block.split("\n", 1)[0].strip() for block in re.findall(r"(?:^ {4,}\S.*\n)+", outside, re.MULTILINE)}
    return {line for line in first_lines if not re.match(r'[{"<]|HTTP/', line)}


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


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_commands_that_no_test_runs_are_listed_with_the_reason(page: str) -> None:
    blocks = read_code_blocks(ROOT / page)
    reasons = NOT_RUN.get(page, {})

    assert [block.text.splitlines()[0] for block in blocks if block.language == "sh"] == list(reasons)
    assert all(reasons.values())


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_commands_of_other_blocks_run_in_a_test(page: str) -> None:
    languages = {block.language for block in read_code_blocks(ROOT / page)}

    assert languages <= RUN_LANGUAGES | {"sh"} | OTHER_LANGUAGES
    # tests/site/examples.py and tests/compose/operations_page.py run these blocks
    assert not languages & RUN_LANGUAGES or page in {*PAGES, *FRAGMENTS, "docs/operations.md"}


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_indented_blocks_are_listed_with_the_reason(page: str) -> None:
    reasons = INDENTED.get(page, {})

    assert find_indented_blocks((ROOT / page).read_text()) == set(reasons)
    assert all(reasons.values())


def test_indented_command_is_found() -> None:
    text = """A page

    make up
    make down

    {"status": "ok"}

```sh
    make test
```

1. A step:

        pyxec run a.py
"""

    assert find_indented_blocks(text) == {"make up", "pyxec run a.py"}


def test_lists_of_commands_name_existing_files() -> None:
    pages = (*NOT_RUN.values(), *INDENTED.values(), FRAGMENTS)
    reasons = [reason for page in pages for reason in page.values()]
    paths = set(re.findall(r"tests/[\w/.]+", " ".join(reasons)))

    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()


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
