"""The page itself: what it asks for, who can use it, and what it keeps."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.editor import Editor
from tests.e2e.site import Site
from tests.stack import ROOT, eventually

pytestmark = pytest.mark.docker

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Monaco's own hidden input and the terminal's rows are theirs; everything around them is ours.
AXE_OPTIONS = {"exclude": [[".monaco-editor"], [".xterm"]]}

FAILS = {"name": "fails", "stdin": "", "args": "", "expected": "other", "wallSeconds": None}

HOSTILE = r"""
import base64, sys
secret = base64.b64encode(b"stolen").decode()
print(f"\x1b]0;owned\x07\x1b]2;owned\x07", end="")
print(f"\x1b]52;c;{secret}\x07", end="")
print("\x1b]8;;https://example.org/trap\x07click me\x1b]8;;\x07")
print("\x1b]10;#000000\x07\x1b]11;#000000\x07\x1b]4;1;#000000\x07", end="")
print("<img src=x onerror=alert(1)><script>alert(1)</script>")
print("harmless")
"""


# The editor is the last and the largest that is kept.
IS_KEPT = """async () => {
  const kept = (await (await caches.open('pyxec-shell')).keys()).map(({ url }) => url)
  return kept.some(url => url.includes('MonacoEditor')) && kept.some(url => url.includes('live-')) && kept.length > 10
}"""


def test_nothing_is_asked_of_another_origin(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    editor = Editor(page, site.url).open()

    editor.run("print('done')")
    editor.shows("done")

    foreign = [url for url in asked if not url.startswith((site.url, "data:", "blob:"))]
    assert foreign == []
    assert any("/v1/jobs" in url for url in asked)


def test_the_policy_holds_and_the_page_never_breaks_it(page: Page, site: Site) -> None:
    # Given a page that notes whatever the policy refuses
    page.add_init_script(
        "window.refused = []; addEventListener('securitypolicyviolation', event =>"
        " refused.push(event.violatedDirective + ' ' + event.blockedURI))"
    )
    editor = Editor(page, site.url).open()
    editor.run("print('done')")
    editor.says("Finished normally")
    assert page.evaluate("refused") == []
    # When something foreign or inline is tried all the same
    page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.injected = true';"
        " document.body.append(script); return fetch('https://example.org/').catch(() => null) }"
    )
    # Then it is refused
    assert page.evaluate("window.injected") is None
    assert len(page.evaluate("refused")) == 2


def test_hostile_output_is_only_text(shared_editor: Editor) -> None:
    editor = shared_editor
    title = editor.page.title()
    background = editor.page.locator(".xterm-viewport").evaluate("one => getComputedStyle(one).backgroundColor")

    editor.run(HOSTILE)
    editor.shows("harmless")

    assert editor.page.title() == title
    assert editor.page.locator(".terminal a, .terminal img, .terminal script").count() == 0
    box = editor.terminal.get_by_text("click me").bounding_box()
    assert box is not None
    editor.page.mouse.click(box["x"] + 10, box["y"] + 5)
    assert len(editor.page.context.pages) == 1
    assert background == editor.page.locator(".xterm-viewport").evaluate("one => getComputedStyle(one).backgroundColor")
    assert "<script>alert(1)</script>" in editor.output()


def test_the_keyboard_gets_into_every_pane_and_out_again(editor: Editor) -> None:
    # Given somebody who types in the editor, where Tab indents
    editor.type_code("print(1)")
    editor.page.keyboard.press("Tab")
    assert editor.focused_pane() == "editor"
    expect(editor.page.locator(".hint")).to_contain_text("F6 leaves the editor")
    # When F6 is pressed
    editor.page.keyboard.press("F6")
    # Then the focus is in the terminal, and again F6 leads out of it
    assert editor.focused_pane() == "terminal"
    expect(editor.page.locator(".hint")).to_contain_text("F6 leaves the terminal")
    editor.page.keyboard.press("F6")
    assert editor.focused_pane() == "top-bar"
    editor.page.keyboard.press("Shift+F6")
    assert editor.focused_pane() == "terminal"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, site: Site, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    editor = Editor(page, site.url).open()
    # A run with output and files, its tests with a difference, some of the setup, and what opens over the page
    editor.run(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nopen('a.svg', 'w')", input="lines", tests=[FAILS]
    )
    editor.says("Finished normally")
    page.wait_for_selector(".artifacts p")
    page.get_by_role("tab", name="Input").click()
    page.wait_for_selector(".setup-body input")
    found = findings(page)
    page.keyboard.press("Control+Shift+Enter")
    editor.says("1 of 1 test failed")
    page.get_by_role("tab", name="Limits").click()
    page.wait_for_selector(".setup-body .limits")
    found += findings(page)
    for name, part in (("History", ".history"), ("Settings", ".key")):
        page.get_by_role("button", name=name).click()
        page.wait_for_selector(f"dialog[open] {part}")
        found += findings(page)
        page.keyboard.press("Escape")

    context.close()
    assert found == []


def findings(page: Page) -> list[str]:
    """What axe calls serious or critical, each with where it is."""
    page.evaluate(AXE.read_text())
    result = page.evaluate("options => axe.run(options)", AXE_OPTIONS)
    grave = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:200]}" for one in grave for node in one["nodes"]]


def test_a_narrow_touch_screen_has_tabs_and_targets_to_hit(browser: Browser, site: Site) -> None:
    # Given a phone
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(site.url)
    page.get_by_label("Code, main.py").fill("print('from a phone')")
    # When the program is run
    page.get_by_role("button", name="Run", exact=True).tap()
    # Then its output is what is shown, nothing is wider than the screen, and every control can be hit with a finger
    expect(page.locator(".xterm-rows")).to_contain_text("from a phone", timeout=20_000)
    expect(page.get_by_label("Code, main.py")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert too_small(page) == []
    # And it is so with the tests, too
    page.get_by_role("tab", name="Tests").tap()
    page.get_by_role("button", name="Add a test").tap()
    expect(page.get_by_label("Input of test 1")).to_be_visible()
    assert page.evaluate("document.querySelector('.cases').scrollWidth") <= 390
    assert too_small(page) == []
    context.close()


def too_small(page: Page) -> list[str]:
    """The controls that are shown and cannot be hit with a finger."""
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('button, select')].filter(one => one.checkVisibility())"
        ".map(one => [one.textContent, one.getBoundingClientRect()])"
        ".filter(([, box]) => box.height < 44 || box.width < 44).map(([text]) => text)"
    )
    return found


def test_typing_is_possible_before_the_editor_has_loaded_and_nothing_of_it_is_lost(page: Page, site: Site) -> None:
    # Given a network on which the editor takes its time
    waiting: list[Any] = []
    page.route("**/MonacoEditor-*.js", lambda route: waiting.append(route))
    page.goto(site.url)
    area = page.locator(".plain-editor")
    area.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("print('typed early')")
    # When it arrives
    for route in waiting:
        route.continue_()
    page.wait_for_selector(".monaco-editor")
    page.keyboard.type("  # and late")
    # Then the text and the caret have stayed where they were
    expect(page.locator(".monaco-editor .view-lines")).to_contain_text("print('typed early')  # and late")


def test_drafts_survive_a_reload_and_a_change_of_language(editor: Editor) -> None:
    editor.type_code("print('my draft')")
    language = editor.page.get_by_label("Language")
    language.select_option("bash")
    editor.type_code("echo other")
    language.select_option("python")
    code = editor.page.locator(".monaco-editor .view-lines")
    expect(code).to_contain_text("my draft")

    language.select_option("bash")
    editor.page.reload()

    expect(code).to_contain_text("echo other")
    language.select_option("python")
    expect(code).to_contain_text("my draft")


def test_a_link_carries_the_program_to_another_browser(editor: Editor, browser: Browser) -> None:
    # Given a program with an argument, and the link to it
    editor.load("import sys\nprint('shared', sys.argv[1])", args="here")
    editor.page.get_by_role("button", name="Share").click()
    field = editor.page.get_by_label("Link")
    expect(field).to_have_value(re.compile("#v1[.]"))
    link = field.input_value()
    # When somebody else opens it
    context = browser.new_context()
    other = Editor(context.new_page(), link).open()
    other.run()
    # Then it runs there, and the address no longer has it
    other.shows("shared here")
    assert "#" not in other.page.url
    context.close()


def test_a_line_of_a_traceback_leads_to_the_code(shared_editor: Editor) -> None:
    editor = shared_editor
    editor.run("def f():\n    raise ValueError('no')\n\n\nf()")
    editor.shows("ValueError: no")

    place = editor.terminal.get_by_text("line 2, in f")
    box = place.bounding_box()
    assert box is not None
    editor.page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2)
    editor.page.wait_for_timeout(200)
    editor.page.mouse.click(box["x"] + 60, box["y"] + box["height"] / 2)

    assert editor.focused_pane() == "editor"
    expect(editor.page.locator(".monaco-editor .squiggly-error")).not_to_have_count(0)


def test_the_theme_is_chosen_and_kept_without_a_flash(editor: Editor) -> None:
    editor.page.get_by_role("button", name="Settings").click()
    editor.page.get_by_label("Dark").check()
    editor.page.keyboard.press("Escape")

    editor.page.reload(wait_until="commit")
    editor.page.wait_for_selector("body")

    assert editor.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_assets_never_change_and_come_compressed(site: Site, page: Page) -> None:
    seen: dict[str, dict[str, str]] = {}
    page.on("response", lambda response: seen.update({response.url: response.headers}))

    Editor(page, site.url).open()

    scripts = {url: headers for url, headers in seen.items() if url.endswith(".js") and "/assets/" in url}
    assert len(scripts) > 2
    for headers in scripts.values():
        assert "immutable" in headers["cache-control"]
        assert headers["content-encoding"] in ("gzip", "br")
    assert seen[f"{site.url}/"]["cache-control"] == "no-cache"


def test_without_a_network_the_page_opens_with_its_drafts_and_says_so(browser: Browser, site: Site) -> None:
    # Given somebody who was here before
    context = browser.new_context()
    editor = Editor(context.new_page(), site.url).open()
    editor.load("print('written before')")
    eventually(lambda: editor.page.evaluate(IS_KEPT), 30)
    # When the page is opened again without a network
    context.set_offline(True)
    editor.page.reload()
    editor.wait_until_loaded()
    # Then the program is there, and running it says what is missing
    expect(editor.page.locator(".monaco-editor .view-lines")).to_contain_text("written before")
    editor.run()
    editor.says("You are offline. Your program is kept here")
    # And it runs when there is one again
    context.set_offline(False)
    editor.run()
    editor.shows("written before")
    context.close()
