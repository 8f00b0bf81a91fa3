"""Page object of the editor."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import Page, expect

__all__ = ["DESKTOP", "LAYOUTS", "PHONE", "TABLET", "EditorPage", "Layout", "encode_fragment"]

# A test may compile a program or restart the API on two busy cores.
_TIMEOUT_MS = 45_000

_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# IGNORED_AFTER_END_MS of web/src/layout/RunButton.tsx, and a margin.
_IGNORED_AFTER_END_MS = 450

# Stops a running program, clears the output, opens a share link and keeps its program. In one script, because each step
# of Playwright waits for a frame. The event makes the page store its drafts at once.
_OPEN_PROGRAM = """async fragment => {
  const find = (selector, text) => [...document.querySelectorAll(selector)].find(
    element => element.textContent.trim() === text)
  const until = async condition => {
    for (;;) {
      const value = condition()
      if (value) return value
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
  find('button.run:not(:disabled)', 'Stop')?.click()
  await until(() => find('button.run:not(:disabled)', 'Run'))
  find('[role=tab]', 'Output')?.click()
  find('[role=tab]', 'Terminal').click()
  const clear = await until(() => find('.actions button', 'Clear'))
  if (!clear.disabled) clear.click()
  await until(() => find('.status-bar .status', 'Ready'))
  location.hash = fragment
  const keep = await until(() => find('.shared-banner button', 'Keep'))
  keep.click()
  await until(() => !document.querySelector('.shared-banner'))
  document.dispatchEvent(new Event('visibilitychange'))
}"""

# Monaco reuses the elements of lines, so that their order is not that of the text.
_SHOWS_CODE = """text => [...document.querySelectorAll('.monaco-editor .view-line')]
  .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
  .map(line => line.textContent.replaceAll('\\xa0', ' ')).join('\\n') === text"""


# The page shows the tabs of its panes only on a narrow screen. A page without the editor has no panes.
_HAS_LAYOUT = """({width, scheme}) => {
  const panes = document.querySelector('.panes')
  const hasTabs = document.querySelector('.pane-tabs') !== null
  return innerWidth === width
    && matchMedia(`(prefers-color-scheme: ${scheme})`).matches
    && (!panes || hasTabs === matchMedia('(width < 47.5rem)').matches)
}"""

# Monaco and the terminal follow the size of their panes in the frame after it changes.
_WAIT_FOR_TWO_FRAMES = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"""


def encode_fragment(language: str, program: dict[str, Any]) -> str:
    """Return the URL fragment that contains a program, see web/src/share/fragment.ts."""
    text = json.dumps({"language": language, "program": program})
    compressed = zlib.compress(text.encode(), wbits=-15)
    return "#v1." + base64.urlsafe_b64encode(compressed).decode().rstrip("=")


@dataclass(frozen=True)
class Layout:
    """The size of the window in CSS pixels and the colour scheme of the system."""

    width: int
    height: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


DESKTOP, TABLET, PHONE = (Layout(*size, "light") for size in ((1440, 900), (820, 1180), (390, 844)))
# Below 760 px, tabs switch between the panes.
LAYOUTS = tuple(Layout(size.width, size.height, scheme) for size in (DESKTOP, TABLET, PHONE) for scheme in _SCHEMES)


class EditorPage:
    """The editor in a browser tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(_TIMEOUT_MS)
        self.status = page.locator(".status-bar .status")
        self.terminal = page.locator(".xterm-rows")
        self.run_button = page.get_by_role("button", name="Run", exact=True)
        self.stop_button = page.get_by_role("button", name="Stop", exact=True)

    def open(self) -> EditorPage:
        """Open the page, and wait until the editor and the terminal are loaded."""
        self.page.goto(self.url)
        self.wait_until_loaded()
        return self

    def wait_until_loaded(self) -> None:
        self.page.wait_for_selector(".monaco-editor, .cm-editor", state="attached")
        self.page.wait_for_selector(".xterm-rows", state="attached")

    def open_program(self, source: str, language: str = "python", name: str = "main.py", **options: Any) -> EditorPage:
        """Replace the program through a share link. Stops a running program, and clears the output."""
        program = {"files": [{"name": name, "content": source}]} | options
        self.page.evaluate(_OPEN_PROGRAM, encode_fragment(language, program))
        return self

    def open_link(self, fragment: str) -> None:
        """Open a share link in the tab, without loading the page again."""
        self.page.evaluate("fragment => { location.hash = fragment }", fragment)

    def set_layout(self, layout: Layout) -> None:
        """Set the size of the window and the colour scheme."""
        self.page.set_viewport_size({"width": layout.width, "height": layout.height})
        self.page.emulate_media(color_scheme=layout.scheme)
        # A click before the page has changed its panes would reach an element that is replaced.
        self.page.wait_for_function(_HAS_LAYOUT, arg={"width": layout.width, "scheme": layout.scheme})
        self.page.evaluate(_WAIT_FOR_TWO_FRAMES)

    def wait_for_run_button(self) -> None:
        """Wait until the run button accepts a click. It ignores clicks within 400 ms after a run."""
        self.page.wait_for_timeout(_IGNORED_AFTER_END_MS)

    def show_pane(self, name: Literal["Code", "Output"]) -> None:
        """Show a pane. On a wide screen, both are visible."""
        tab = self.page.get_by_role("tab", name=name, exact=True)
        if tab.is_visible():
            tab.click()

    def focus_code(self) -> None:
        self.show_pane("Code")
        self.page.locator(".monaco-editor .view-lines").click()
        self.page.wait_for_selector(".monaco-editor.focused")

    def type_code(self, text: str) -> None:
        """Replace the code by typing."""
        lines = self.page.locator(".monaco-editor .view-lines")
        # On a busy machine, the editor gets the focus some time after the click.
        self.focus_code()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        expect(lines).to_contain_text(text.splitlines()[0].split()[0], timeout=_TIMEOUT_MS)

    def run(self, source: str | None = None, **options: Any) -> None:
        """Run a program; without a source, the program that is open."""
        if source is not None:
            self.open_program(source, **options)
        self.page.keyboard.press("Control+Enter")

    def expect_status(self, text: str) -> None:
        """Wait until the status bar contains this text."""
        expect(self.status).to_contain_text(text, timeout=_TIMEOUT_MS)

    def expect_output(self, text: str) -> None:
        """Wait until the terminal contains this text."""
        expect(self.terminal).to_contain_text(text, timeout=_TIMEOUT_MS)

    def focus_terminal(self) -> None:
        self.page.locator(".terminal textarea").focus()

    def type_in_terminal(self, text: str) -> None:
        self.focus_terminal()
        self.page.keyboard.type(text)

    def paste_in_terminal(self, text: str) -> None:
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.focus_terminal()
        self.page.keyboard.press("Control+V")

    def expect_code(self, text: str) -> None:
        """Wait until the editor shows exactly this text."""
        self.page.wait_for_function(_SHOWS_CODE, arg=text)

    def dismiss_notices(self) -> None:
        self.page.evaluate(
            "document.querySelectorAll('.notice [aria-label=Dismiss]').forEach(button => button.click())"
        )
        expect(self.page.locator(".notice")).to_have_count(0)

    def output(self) -> str:
        """Return the visible text of the terminal without trailing blanks."""
        rows = self.page.locator(".xterm-rows > div").all_inner_texts()
        return "\n".join(row.replace("\xa0", " ").rstrip() for row in rows).strip()

    def focused_pane(self) -> str:
        pane: str = self.page.evaluate(
            "() => ['editor', 'terminal', 'top-bar'].find("
            "name => document.activeElement?.closest('.' + name)) ?? 'none'"
        )
        return pane
