"""Artifacts in the editor: images below the output, and downloads. Their names and contents are untrusted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.editor_page import LAYOUTS, EditorPage, Layout

pytestmark = pytest.mark.docker

PLOT = """
import matplotlib
matplotlib.use('agg')
from matplotlib import pyplot
pyplot.plot([1, 3, 2])
pyplot.savefig('plot.png', dpi=100)
print('drawn')
"""

HOSTILE_FILES = r"""
svg = '''<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="parent.stolen = 1">
<script>top.stolen = 1; parent.stolen = 1; fetch('/v1/jobs')</script>
<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="top.stolen = 1"/></foreignObject>
<image href="http://example.org/spy.png"/><rect width="40" height="40" fill="red"/></svg>'''
open('picture.svg', 'w').write(svg)
open('<img src=x onerror=stolen=1>.png', 'w').write(svg)
open('a\u202egnp.svg', 'w').write(svg)
"""


@pytest.fixture
def editor(shared_editor: EditorPage) -> Iterator[EditorPage]:
    yield shared_editor
    shared_editor.set_layout(Layout(1280, 800, "light"))


def test_plot_appears_below_the_terminal(editor: EditorPage) -> None:
    editor.run(PLOT)
    editor.expect_status("Finished normally")

    picture = editor.page.get_by_role("img", name="plot.png")
    expect(picture).to_be_visible()
    editor.page.wait_for_function("() => document.querySelector('.artifacts img').naturalWidth === 640")
    editor.expect_output("drawn")
    expect(editor.terminal).to_be_visible()


def test_plot_of_plt_show_appears_below_the_terminal_in_all_layouts(editor: EditorPage) -> None:
    editor.run("from matplotlib import pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()\nprint('shown')")
    editor.expect_status("Finished normally")

    for layout in LAYOUTS:
        editor.set_layout(layout)
        editor.show_pane("Output")
        expect(editor.page.get_by_role("img", name="plot-1.png")).to_be_visible()
        editor.page.wait_for_function("() => document.querySelector('.artifacts img').naturalWidth === 640")
        assert editor.output() == "shown"


def test_download_saves_the_bytes_of_the_artifact(editor: EditorPage, tmp_path: Path) -> None:
    # Given a program that writes two files, of which one matches the pattern
    content = "bytes(range(256))"
    editor.run(
        f"import os\nos.mkdir('out')\nfor name in ('out/data.bin', 'other.bin'): open(name, 'wb').write({content})",
        artifacts="out/**",
    )
    editor.expect_status("Finished normally")
    expect(editor.page.locator(".artifacts li")).to_have_count(1)
    # When the artifact is downloaded
    with editor.page.expect_download() as download:
        editor.page.get_by_role("button", name="Download out/data.bin").click()
    download.value.save_as(tmp_path / "data.bin")
    # Then it has the bytes of the file
    assert download.value.suggested_filename == "data.bin"
    assert (tmp_path / "data.bin").read_bytes() == bytes(range(256))


def test_hostile_artifacts_are_displayed_and_not_executed(editor: EditorPage) -> None:
    # Given a page whose requests are recorded
    urls: list[str] = []
    editor.page.on("request", lambda request: urls.append(request.url))
    # When a program writes images with scripts, with markup in a name, and with a name that reverses the text
    editor.run(HOSTILE_FILES)
    editor.expect_status("Finished normally")
    items = editor.page.locator(".artifacts li")
    expect(items).to_have_count(2)
    expect(editor.page.get_by_role("img", name="picture.svg")).to_be_visible()
    # Then no script ran, no other request was sent, and the unprintable name is missing
    assert editor.page.evaluate("window.stolen") is None
    assert [url for url in urls if not url.startswith((editor.url, "data:", "blob:"))] == []
    assert [url for url in urls if re.search("/v1/jobs$", url)][1:] == []
    expect(items.filter(has_text="<img src=x onerror=stolen=1>.png")).to_contain_text("image cannot be shown")
    expect(editor.page.locator(".artifacts")).to_contain_text("Some matching files are missing")
    assert editor.page.locator(".artifacts script, .artifacts svg rect").count() == 0
