"""Files that a program leaves: pictures beside its output, the rest for download, all of them a stranger's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.editor import Editor

pytestmark = pytest.mark.docker

PLOT = """
import matplotlib
matplotlib.use('agg')
from matplotlib import pyplot
pyplot.plot([1, 3, 2])
pyplot.savefig('plot.png', dpi=100)
print('drawn')
"""

HOSTILE = r"""
svg = '''<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="parent.stolen = 1">
<script>top.stolen = 1; parent.stolen = 1; fetch('/v1/jobs')</script>
<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="top.stolen = 1"/></foreignObject>
<image href="http://example.org/spy.png"/><rect width="40" height="40" fill="red"/></svg>'''
open('picture.svg', 'w').write(svg)
open('<img src=x onerror=stolen=1>.png', 'w').write(svg)
open('a\u202egnp.svg', 'w').write(svg)
"""


@pytest.fixture
def editor(shared_editor: Editor) -> Editor:
    return shared_editor


def test_a_plot_appears_beside_the_terminal(editor: Editor) -> None:
    editor.run(PLOT)
    editor.says("Finished normally")

    picture = editor.page.get_by_role("img", name="plot.png")
    expect(picture).to_be_visible()
    editor.page.wait_for_function("() => document.querySelector('.artifacts img').naturalWidth === 640")
    editor.shows("drawn")
    expect(editor.terminal).to_be_visible()


def test_a_file_that_is_asked_for_is_saved_byte_for_byte(editor: Editor, tmp_path: Path) -> None:
    # Given a program that leaves more than it was asked for
    content = "bytes(range(256))"
    editor.run(
        f"import os\nos.mkdir('out')\nfor name in ('out/data.bin', 'other.bin'): open(name, 'wb').write({content})",
        artifacts="out/**",
    )
    editor.says("Finished normally")
    expect(editor.page.locator(".artifacts li")).to_have_count(1)
    # When what was asked for is saved
    with editor.page.expect_download() as saving:
        editor.page.get_by_role("button", name="Download out/data.bin").click()
    saving.value.save_as(tmp_path / "data.bin")
    # Then it is the file
    assert saving.value.suggested_filename == "data.bin"
    assert (tmp_path / "data.bin").read_bytes() == bytes(range(256))


def test_hostile_files_are_only_shown(editor: Editor) -> None:
    # Given a page that notes whatever is asked for
    asked: list[str] = []
    editor.page.on("request", lambda request: asked.append(request.url))
    # When a program leaves pictures that are programs, under a name that is markup and one that turns the text around
    editor.run(HOSTILE)
    editor.says("Finished normally")
    lines = editor.page.locator(".artifacts li")
    expect(lines).to_have_count(2)
    expect(editor.page.get_by_role("img", name="picture.svg")).to_be_visible()
    # Then nothing of them ran, nobody was asked for anything, and what cannot be named is not there
    assert editor.page.evaluate("window.stolen") is None
    assert [url for url in asked if not url.startswith((editor.url, "data:", "blob:"))] == []
    assert [url for url in asked if re.search("/v1/jobs$", url)][1:] == []
    expect(lines.filter(has_text="<img src=x onerror=stolen=1>.png")).to_contain_text("no picture that can be shown")
    expect(editor.page.locator(".artifacts")).to_contain_text("Not all that matched is here")
    assert editor.page.locator(".artifacts script, .artifacts svg rect").count() == 0
